"""`tongguan transfer`: ask what the law says of a release before making it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.case_file import read_document
from broker.core.governance.case import CaseError, DateQuestion, Question, read_case, read_cases
from broker.core.governance.deadlines import deadline
from broker.core.governance.decide import decide as decide_release
from broker.core.governance.explain import Catalogue
from broker.core.governance.facts import FactsError
from broker.core.governance.policy import Policy, PolicyError
from broker.core.zone import LANGUAGES

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What the law says of a release across a border."""


@app.command()
def decide(
    file: Annotated[Path, typer.Argument(help="The case or cases (specs/governance.md, 6), YAML or JSON; - is stdin.")],
    language: Annotated[
        str | None, typer.Option(help=f"Also explain the decision, in one of {', '.join(LANGUAGES)}.")
    ] = None,
) -> None:
    """Decide a case and print the decision as JSON; of several cases, a list of decisions.

    A denial is an answer: exit status 2 means that there is none, or none to some of several cases.
    """
    try:
        answer, complete = _answers(read_document(file), language)
    except (CaseError, FactsError, PolicyError) as error:
        print(f"transfer decide: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(json.dumps(answer, ensure_ascii=False, indent=2))
    if not complete:
        raise typer.Exit(2)


@app.command()
def recount(
    home: Annotated[Path, typer.Option(envvar="TONGGUAN_HOME", help="The broker's home directory.")],
    year: Annotated[int | None, typer.Option(help="Calendar year in Asia/Shanghai; default: this one.")] = None,
) -> None:
    """Count a year's persons again from counters, rows and journal; exit status 1 when they differ.

    The journal is taken as it is: `tongguan journal verify` says whether it is whole.
    """
    from broker.cli.ledger import recount as count_again

    count_again(home, year)


def _answers(document: object, language: str | None) -> tuple[Any, bool]:
    """The answer to one case, or to each of several; and whether there is one to each."""
    if language is not None and language not in LANGUAGES:
        raise CaseError(f"--language: one of {', '.join(LANGUAGES)} is expected")
    policy = Policy.load()
    cases = read_cases(document)
    if cases is None:
        return _answer(read_case(document), policy, language), True
    answers = [{"id": case.id, **_answer_or_error(case.question, policy, language)} for case in cases]
    return answers, not any("error" in answer for answer in answers)


def _answer_or_error(question: Question | CaseError, policy: Policy, language: str | None) -> dict[str, Any]:
    try:
        if isinstance(question, CaseError):
            raise question
        return _answer(question, policy, language)
    except (CaseError, FactsError, PolicyError) as error:
        return {"error": str(error)}


def _answer(question: Question, policy: Policy, language: str | None) -> dict[str, Any]:
    if isinstance(question, DateQuestion):
        return deadline(question.event, question.day, policy, place=question.place).as_json()
    decision = decide_release(question, policy)
    answer = decision.as_json()
    if language is not None:
        explanation = Catalogue.load().explain(decision, language)
        answer["explanation"] = {
            "language": explanation.language,
            "headline": explanation.headline,
            "lines": list(explanation.lines),
        }
    return answer

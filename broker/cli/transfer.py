"""`tongguan transfer`: ask what the law says of a release before making it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.case_file import read_document
from broker.core.governance.case import CaseError, DateQuestion, read_case
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
    file: Annotated[Path, typer.Argument(help="The case (specs/governance.md, 6), YAML or JSON; - is stdin.")],
    language: Annotated[
        str | None, typer.Option(help=f"Also explain the decision, in one of {', '.join(LANGUAGES)}.")
    ] = None,
) -> None:
    """Decide one case and print the decision as JSON. A denial is an answer: exit status 2 means no answer."""
    try:
        answer = _answer(read_document(file), language)
    except (CaseError, FactsError, PolicyError) as error:
        print(f"transfer decide: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(json.dumps(answer, ensure_ascii=False, indent=2))


def _answer(document: object, language: str | None) -> dict[str, Any]:
    if language is not None and language not in LANGUAGES:
        raise CaseError(f"--language: one of {', '.join(LANGUAGES)} is expected")
    case = read_case(document)
    policy = Policy.load()
    if isinstance(case, DateQuestion):
        return deadline(case.event, case.day, policy).as_json()
    decision = decide_release(case, policy)
    answer = decision.as_json()
    if language is not None:
        explanation = Catalogue.load().explain(decision, language)
        answer["explanation"] = {
            "language": explanation.language,
            "headline": explanation.headline,
            "lines": list(explanation.lines),
        }
    return answer

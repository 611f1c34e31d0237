"""May I send this? The question as a page for people and as JSON for programs. Nothing is released or counted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from broker.core.governance.case import CaseError
from broker.core.governance.codes import Gate
from broker.core.governance.deadlines import Deadline
from broker.core.governance.explain import Catalogue
from broker.core.governance.facts import FactsError
from broker.core.governance.policy import PolicyError
from broker.core.transfer import TransferRules
from broker.flows.precheck import Precheck, precheck
from broker.web.bodies import JSON, KIB, BodyRule, Rules
from broker.web.messages import catalogue
from broker.web.pages import language_of, render
from broker.web.precheck_form import CHOICES, WrongNumber, case_of, filled
from broker.web.precheck_next import next_steps
from broker.web.problems import Problem
from broker.web.services import Provided, Transaction

router = APIRouter(include_in_schema=False)

PATH: Final = "/transfers/precheck"
RULES: Rules = {("POST", PATH): BodyRule(frozenset({JSON}), 16 * KIB)}
_LONGEST: Final = 400
# Members that would tell the exact count of the ledger, or what follows from it.
_COUNTS: Final = ("counters", "counter_after", "counter_after_sensitive")


async def _document(request: Request) -> object:
    """The JSON body, whatever it is. Raises Problem."""
    try:
        return json.loads((await request.body()).decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed-request", "JSON is expected, with each member once.") from error


@router.post(PATH)
def ask(
    request: Request, document: Annotated[object, Depends(_document)], services: Provided, work: Transaction
) -> Response:
    try:
        found = precheck(work, rules=services.rulebook.transfers, document=document, at=services.clock())
    except (CaseError, FactsError, PolicyError) as error:
        raise Problem("invalid-request", _readable(error)) from error
    return JSONResponse(as_json(found, language_of(request)))


@router.get("/precheck")
def page(request: Request, services: Provided, work: Transaction) -> Response:
    language, form = language_of(request), filled(request.query_params)
    found, wrong = None, None
    if form.asked:
        try:
            document = case_of(form, services.rulebook.transfers.policy.at(services.clock()))
            found = precheck(work, rules=services.rulebook.transfers, document=document, at=services.clock())
        except WrongNumber:
            wrong = catalogue(language)["precheck"]["wrong_number"]
        except (CaseError, FactsError, PolicyError):
            wrong = catalogue(language)["precheck"]["wrong"]
    if isinstance(found, Deadline):
        raise TypeError("the form asks about releases alone")
    return render(
        request,
        "precheck.html",
        language,
        status=200 if wrong is None else 422,
        form=form,
        choices=CHOICES,
        places=_places(services.rulebook.transfers),
        wrong=wrong,
        answer=None if found is None else shown(found, language),
    )


def as_json(found: Precheck | Deadline, language: str) -> dict[str, Any]:
    """The decision under the names of specs/governance.md 7, explained; no exact count of the ledger."""
    if isinstance(found, Deadline):
        return found.as_json()
    answer = found.decision.as_json()
    if found.live:
        for name in _COUNTS:
            del answer[name]
    # The ledger's counts are ends of a span here: what they come to is not to be said.
    told = replace(found.decision, counters=None) if found.live else found.decision
    explained = _sentences().explain(told, language)
    return {
        **answer,
        "certain": found.certain,
        "counted": False,
        "explanation": {"language": language, "headline": explained.headline, "lines": list(explained.lines)},
        "next": next_steps(found.decision, language),
    }


def shown(found: Precheck, language: str) -> Mapping[str, Any]:
    """What the page shows of an answer, in words."""
    decision, texts = found.decision, _sentences().texts[language]
    subtype = [] if decision.subtype is None else [texts["subtype"][decision.subtype]]
    flags = [texts["flag"][flag] for flag in decision.flags if flag.value not in decision.reasons]
    return {
        "gate": decision.gate.value,
        "tone": {Gate.ALLOW: "good", Gate.ALLOW_WITH_CONDITIONS: "good", Gate.HOLD: "warn", Gate.DENY: "bad"}[
            decision.gate
        ],
        "headline": texts["gate"][decision.gate],
        "why": [
            texts["decision"][decision.decision],
            *subtype,
            *(texts["reason"][r] for r in decision.reasons),
            *flags,
        ],
        "duties": [texts["obligation"][duty] for duty in decision.obligations],
        "next": next_steps(decision, language),
        "band": texts["band"][decision.band],
        "score": decision.score,
        "parts": decision.grade.parts,
        "certain": found.certain,
        "live": found.live,
        "grounds": decision.grounds,
        "policy_hash": decision.policy_hash,
        "review": None if decision.gate.permits else texts["line"]["rights"],
    }


@cache
def _sentences() -> Catalogue:
    return Catalogue.load()


def _places(rules: TransferRules) -> Sequence[str]:
    return tuple(rules.profiles.exporters)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is given twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _readable(error: Exception) -> str:
    """The message, short and without what no answer can carry (lone surrogates, control characters)."""
    text = "".join(sign if sign.isprintable() else "?" for sign in str(error))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

"""One entry of a person's journal in their own words: who, what, for what, under which rule, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from broker.core.denial import InvalidInput
from broker.core.governance.codes import Gate
from broker.core.governance.explain import Catalogue
from broker.core.rights_request import is_declined
from broker.flows.ports import JournalledUse, Work
from broker.web.messages import catalogue
from broker.web.services import Services
from broker.web.wallet_consents import recipient_name

_FACE: Final = ("gate:template:", "traveller:pass:minted", "traveller:face:")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is read. `rules` and `why` are sentences; `held`: nothing left and nothing was refused for good;
    `reviewable`: a person may be asked to look at it.
    """

    leaf: str
    at: datetime
    title: str
    who: str
    purpose: str
    fields: tuple[str, ...]
    way: str
    rules: tuple[str, ...]
    policy: str
    declined: bool
    held: bool
    why: tuple[str, ...]

    @property
    def reviewable(self) -> bool:
        return self.declined or self.held


@cache
def _explanations() -> Catalogue:
    return Catalogue.load()


def line_of(use: JournalledUse, services: Services, work: Work, language: str) -> Line:
    """`use` was opened with its person's key."""
    clear, texts = use.clear, catalogue(language)
    kinds = texts["journal_kind"]
    recipient = clear.get("recipient", clear.get("zone"))
    held = clear.get("transfer") == Gate.HOLD.value
    return Line(
        leaf=use.leaf_hash.hex(),
        at=use.at,
        title=kinds.get(use.kind, kinds["other"]),
        who=_who(recipient, services, work, language),
        purpose=_purpose(clear.get("purpose"), services, language),
        fields=_fields(use, services, language),
        way=_way(clear, services, language),
        rules=_rules(clear, language),
        policy=str(clear.get("policy", ""))[:12],
        declined=not held and is_declined(use.kind, clear),
        held=held,
        why=_why(clear, language),
    )


def _who(recipient: Any, services: Services, work: Work, language: str) -> str:
    if recipient is None or recipient == "self":
        return catalogue(language)["rights_log"]["you"]
    return recipient_name(services, work, str(recipient), language)


def _purpose(purpose: Any, services: Services, language: str) -> str:
    if purpose is None:
        return ""
    try:
        return services.rulebook.title(str(purpose), language)
    except InvalidInput:
        return str(purpose)


def _fields(use: JournalledUse, services: Services, language: str) -> tuple[str, ...]:
    if use.kind.startswith(_FACE):
        return (catalogue(language)["rights_log"]["face"],)
    # What was asked for, arguments too, is sealed; what left is in the clear.
    claims = use.clear.get("claims") or use.personal.get("asked") or ()
    return tuple(_claim(str(claim), services, language) for claim in claims)


def _claim(claim: str, services: Services, language: str) -> str:
    try:
        return services.rulebook.partner.words.words(claim, language)
    except InvalidInput:
        return claim


def _way(clear: Mapping[str, Any], services: Services, language: str) -> str:
    if "origin" not in clear or "destination" not in clear:
        return ""
    place = services.rulebook.partner.words.place
    return f"{place(str(clear['origin']), language)} → {place(str(clear['destination']), language)}"


def _rules(clear: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """What the law said: whether it may go, on which mechanism, in which band."""
    text = _explanations().texts[language]
    said = (("gate", clear.get("transfer")), ("decision", clear.get("mechanism")), ("band", clear.get("band")))
    return tuple(text[section][str(code)] for section, code in said if str(code) in text[section])


def _why(clear: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """The reasons of the law, then those of consent and lane."""
    law = _explanations().texts[language]["reason"]
    ours = catalogue(language)["journal_reason"]
    legal = [law[str(code)] for code in clear.get("why", ()) if str(code) in law]
    codes: Sequence[Any] = [*clear.get("reasons", ()), *([clear["reason"]] if clear.get("reason") else [])]
    lane = [ours.get(str(code), ours["other"]) for code in codes]
    return tuple(dict.fromkeys([*lane, *legal]))

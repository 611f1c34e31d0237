"""The form of the pre-check: from the fields of a page to a case (specs/transfer-precheck.md 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import QueryParams

from broker.core.governance.policy import Law

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "by": ("operator", "own"),
    "origin": ("CN", "HK", "MO", "US", "EU"),
    "to": ("HK", "MO", "CN", "SG", "JP", "KR", "GB", "EU", "US", "ZZ"),
    "category": (
        "predicate",
        "name",
        "contact",
        "nationality",
        "birth_date",
        "gov_id_number",
        "travel_doc_number",
        "id_document_image",
        "face_image",
        "biometric_template",
        "travel_track",
        "precise_location",
        "financial_account",
        "health",
        "religion",
    ),
    "basis": ("consent", "contract", "hr", "emergency", "statutory"),
    "industry": ("general", "transport_finance_health", "border_security"),
    "storage": ("transient_24h", "le_30d", "gt_30d", "central_biometric"),
    "important": ("none", "suspected", "notified"),
    "kind": ("company", "state_organ"),
    "ftz": ("none", "on_list", "off_list"),
    "paper": ("gba_sc_filed", "scc_filed", "certification", "assessment_passed", "art36_assessment"),
}
"""What each field may be, in the order shown; the words of the case vocabulary."""

_TICKS: Final = ("consent", "necessary", "alternative", "guardian", "child", "remote", "onward")
_OWN_TICKS: Final = ("ciio", "registered", "their_registered", "pia")
_TICKED: Final = frozenset({"consent", "necessary", "alternative", "registered", "their_registered", "pia"})
_NUMBERS: Final[Mapping[str, str]] = {"persons": "1", "before_n": "0", "before_s": "0"}
_SEVERAL: Final[Mapping[str, tuple[str, ...]]] = {"category": ("name", "travel_doc_number"), "paper": ()}
_DEFAULT: Final[Mapping[str, str]] = {"industry": "general", "storage": "le_30d"}
_ADULT, _CHILD = 30, 13
_DIGITS: Final = 11


class WrongNumber(ValueError):
    """A field that takes a whole number has something else."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it stands. `asked` False: it was only opened, and shows what is usual."""

    asked: bool
    chosen: Mapping[str, str]
    several: Mapping[str, frozenset[str]]
    ticked: frozenset[str]
    numbers: Mapping[str, str]


def filled(query: QueryParams) -> Filled:
    """From the query of the page. Total: what is not a choice is what is usual."""
    asked = query.get("asked") == "1"
    one = {name: options for name, options in CHOICES.items() if name not in _SEVERAL}
    several = {
        name: frozenset(query.getlist(name)).intersection(CHOICES[name]) if asked else frozenset(usual)
        for name, usual in _SEVERAL.items()
    }
    return Filled(
        asked,
        {name: _among(options, query.get(name), _DEFAULT.get(name)) for name, options in one.items()},
        several,
        frozenset(name for name in (*_TICKS, *_OWN_TICKS) if name in query) if asked else _TICKED,
        {name: query.get(name, usual)[: _DIGITS + 1] for name, usual in _NUMBERS.items()},
    )


def case_of(form: Filled, law: Law) -> dict[str, Any]:
    """The form as a case. Raises WrongNumber."""
    chosen, ticked = form.chosen, form.ticked
    categories = [name for name in CHOICES["category"] if name in form.several["category"]]
    child = "child" in ticked
    persons = _number(form.numbers["persons"])
    personal = [category for category in law.categories_of(categories) if category.personal]
    sensitive = child or any(category.sensitive for category in personal)
    plain = not child and any(not category.sensitive for category in personal)
    case: dict[str, Any] = {
        "exporter": {"origin": chosen["origin"]},
        "recipient": {"jurisdiction": chosen["to"]},
        "data": {"categories": categories, "important": chosen["important"]},
        "subjects": {
            "new_nonsensitive": persons if plain else 0,
            "new_sensitive": persons if sensitive and personal else 0,
            "min_age": _CHILD if child else _ADULT,
        },
        "recipient_ytd_after": persons,
        "us_persons_12m": persons,
        "incident_to_travel": chosen["industry"] == "border_security",
        "basis": chosen["basis"],
        "necessary": "necessary" in ticked,
        "consent": {
            "separate": "consent" in ticked,
            "art39_notice": "consent" in ticked,
            "guardian": "guardian" in ticked if child else None,
        },
        "nonbiometric_alternative": "alternative" in ticked,
        "industry": chosen["industry"],
        "storage": chosen["storage"],
        "transfer_form": "remote_query" if "remote" in ticked else "push",
        "onward_outside_gba": "onward" in ticked,
    }
    return case if chosen["by"] == "operator" else _own(case, form)


def _own(case: dict[str, Any], form: Filled) -> dict[str, Any]:
    """An exporter that is not the broker states what the broker cannot know."""
    chosen, ticked = form.chosen, form.ticked
    case["exporter"] |= {
        "id": "own",
        "kind": chosen["kind"],
        "ciio": "ciio" in ticked,
        "gba_registered": "registered" in ticked,
    }
    case["recipient"]["gba_registered"] = "their_registered" in ticked
    case["recipient"]["trust"] = "A" if chosen["to"] in ("CN", "HK", "MO") else "X"
    case["before"] = {
        "nonsensitive": _number(form.numbers["before_n"]),
        "sensitive": _number(form.numbers["before_s"]),
    }
    case["pia_done"] = "pia" in ticked
    case["artefacts"] = sorted(form.several["paper"])
    case["ftz"] = chosen["ftz"]
    return case


def _among(options: tuple[str, ...], given: str | None, usual: str | None) -> str:
    return given if given in options else usual or options[0]


def _number(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise WrongNumber(text)
    return int(digits)

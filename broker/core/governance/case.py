"""A case in words: what a person writes to ask "may I send this?", merged over an ordinary release and then checked.

The defaults describe a harmless release, so that a case only states what is particular about it. They belong to this
question alone: a real release states every fact (facts.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from pydantic import ValidationError

from broker.core.governance.calendar import SHANGHAI
from broker.core.governance.deadlines import Event
from broker.core.governance.facts import Facts

DEFAULTS: Mapping[str, Any] = {
    "at": "2026-06-01T10:00:00+08:00",
    "exporter": {
        "id": "E1",
        "group": None,
        "origin": "CN",
        "city": "Shenzhen",
        "gba_registered": True,
        "kind": "company",
        "ciio": False,
        "processes_persons": 500_000,
    },
    "recipient": {
        "id": "R1",
        "jurisdiction": "HK",
        "gba_registered": True,
        "trust": "A",
        "art42_listed": False,
        "foreign_judicial": False,
    },
    "data": {
        "categories": ["name", "travel_doc_number"],
        "important": "none",
        "overseas_origin_only": False,
        "encrypted": False,
    },
    "subjects": {
        "new_nonsensitive": 1,
        "new_sensitive": 0,
        "min_age": 30,
        "identity": "none",
        "former_years": None,
        "region": "none",
    },
    "before": {"nonsensitive": 0, "sensitive": 0},
    "before_previous_year": {"nonsensitive": 0, "sensitive": 0},
    "recipient_ytd_after": 1,
    "us_persons_12m": 0,
    "local_face_store": None,
    "basis": "consent",
    "necessary": True,
    "consent": {
        "separate": True,
        "bundled": False,
        "withdrawn": False,
        "art39_notice": True,
        "guardian": None,
        "purpose_match": True,
    },
    "pia_done": True,
    "artefacts": [],
    "ftz": "none",
    "declared_exclusion": False,
    "onward_outside_gba": False,
    "nonbiometric_alternative": True,
    "industry": "border_security",
    "storage": "transient_24h",
    "template_storage": None,
    "transfer_form": "push",
    "internal_only": False,
    "incident_to_travel": False,
    "data_brokerage": False,
    "linkage": 0,
}

# A worked case may carry its description along; only its inputs are read.
_WORKED_CASE = frozenset({"id", "kind", "confidence", "description", "inputs", "expected", "citation"})
_MAX_PROBLEMS = 8
_FIRST_YEAR, _LAST_YEAR = 1990, 2999


class CaseError(ValueError):
    """The case cannot be read. The message names each field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """A case that asks for dates instead of a release."""

    event: Event
    day: date


def read_case(document: object) -> Facts | DateQuestion:
    """The case as facts or as a question about dates. Raises CaseError, on anything."""
    if not isinstance(document, Mapping):
        raise CaseError("a case is a mapping of fields to values")
    if "inputs" in document:
        if unknown := [str(key) for key in document if key not in _WORKED_CASE]:
            raise CaseError(f"unknown field beside inputs: {', '.join(unknown[:_MAX_PROBLEMS])}")
        document = document["inputs"]
        if not isinstance(document, Mapping):
            raise CaseError("inputs: a mapping of fields to values is expected")
    inputs = dict(document)
    question = _question(inputs)
    merged = _merge(DEFAULTS, inputs, "")
    merged["at"] = _instant(merged["at"])
    try:
        facts = Facts.model_validate(merged)
    except ValidationError as error:
        raise CaseError(_problems(error)) from None
    return facts if question is None else question


def _question(inputs: dict[str, Any]) -> DateQuestion | None:
    """Takes `event` and `date` out of `inputs`."""
    if "event" not in inputs and "date" not in inputs:
        return None
    event, day = inputs.pop("event", None), inputs.pop("date", None)
    if event not in get_args(Event):
        raise CaseError(f"event: one of {', '.join(get_args(Event))} is expected")
    return DateQuestion(event, _day(day))


def _merge(defaults: Mapping[str, Any], given: Mapping[Any, Any], path: str) -> dict[str, Any]:
    """`given` over `defaults`, mapping into mapping. Raises CaseError for a field that has no default."""
    merged = dict(defaults)
    for key, value in given.items():
        where = f"{path}{key}"
        if key not in defaults:
            raise CaseError(f"unknown field {where!r}; known here: {', '.join(defaults)}")
        if isinstance(defaults[key], Mapping):
            if not isinstance(value, Mapping):
                raise CaseError(f"{where}: a mapping of fields to values is expected")
            merged[key] = _merge(defaults[key], value, f"{where}.")
        else:
            merged[key] = value
    return merged


def _instant(value: object) -> datetime:
    """An ISO 8601 instant. Without an offset it is Shanghai's, where the count of the year is kept."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise CaseError("at: an ISO 8601 time is expected") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=SHANGHAI)
    if not isinstance(value, datetime):
        raise CaseError("at: an ISO 8601 time is expected")
    return value if value.tzinfo is not None else value.replace(tzinfo=SHANGHAI)


def _day(value: object) -> date:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise CaseError("date: a day like 2026-03-02 is expected") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise CaseError("date: a day like 2026-03-02 is expected")
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise CaseError(f"date: a year from {_FIRST_YEAR} to {_LAST_YEAR} is expected")
    return value


def _problems(error: ValidationError) -> str:
    found = [f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in error.errors(include_input=False)]
    return "; ".join(found[:_MAX_PROBLEMS])

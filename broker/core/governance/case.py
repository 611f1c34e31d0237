"""A case in words: what a person writes to ask "may I send this?", merged over an ordinary release and then checked.

The defaults describe a harmless release, so that a case only states what is particular about it. They belong to this
question alone: a real release states every fact (facts.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError

from broker.core.governance.calendar import SHANGHAI, shanghai_date
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
    "purpose": None,
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

MAX_CASES = 500
_MAX_PROBLEMS = 8
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]24:00(?::00(?:\.0+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1990, 2999


class CaseError(ValueError):
    """The case cannot be read. The message names each field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """A case that asks for dates instead of a release: what follows from an event, for a party in `place`."""

    event: Event
    day: date
    place: str


Question = Facts | DateQuestion


@dataclass(frozen=True, slots=True)
class Named:
    """One of several cases: its `id` in the document, and its question, or why it cannot be read."""

    id: str
    question: Question | CaseError


def read_case(document: object, defaults: Mapping[str, Any] = DEFAULTS) -> Question:
    """The case as facts or as a question about dates. Raises CaseError, on anything.

    A worked case (id, description, expected, ...) is read by its `inputs` alone.
    """
    inputs = dict(inputs_of(document))
    question = _question(inputs)
    merged = _merge(defaults, inputs, "")
    merged["at"] = _instant(merged["at"])
    try:
        facts = Facts.model_validate(merged)
    except ValidationError as error:
        raise CaseError(_problems(error)) from None
    return facts if question is None else DateQuestion(*question, place=facts.exporter.origin)


def inputs_of(document: object) -> Mapping[str, Any]:
    """What a case states: the mapping itself, or the `inputs` of a worked case. Raises CaseError."""
    if not isinstance(document, Mapping):
        raise CaseError("a case is a mapping of fields to values")
    if "inputs" not in document:
        return document
    _nothing_stated_beside(document, "inputs")
    inputs = {} if document["inputs"] is None else document["inputs"]
    if not isinstance(inputs, Mapping):
        raise CaseError("inputs: a mapping of fields to values is expected")
    return inputs


def read_cases(document: object) -> tuple[Named, ...] | None:
    """Several cases: a list, or a mapping with `cases` and, if it likes, `defaults` for them. None: it is one case.

    Raises CaseError for what is neither; a single case that cannot be read keeps its error.
    """
    defaults = DEFAULTS
    if isinstance(document, Mapping) and "cases" in document:
        _nothing_stated_beside(document, "cases")
        given = {} if document.get("defaults") is None else document["defaults"]
        if not isinstance(given, Mapping):
            raise CaseError("defaults: a mapping of fields to values is expected")
        defaults, document = _merge(DEFAULTS, given, "defaults."), document["cases"]
        if not isinstance(document, list):
            raise CaseError("cases: a list of cases is expected")
    if not isinstance(document, list):
        return None
    if not 0 < len(document) <= MAX_CASES:
        raise CaseError(f"a list holds 1 to {MAX_CASES} cases")
    return tuple(_named(case, place, defaults) for place, case in enumerate(document, start=1))


def _named(case: object, place: int, defaults: Mapping[str, Any]) -> Named:
    named = case.get("id") if isinstance(case, Mapping) and "inputs" in case else None
    name = str(place) if named is None else str(named)
    try:
        return Named(name, read_case(case, defaults))
    except CaseError as error:
        return Named(name, error)


def _nothing_stated_beside(document: Mapping[Any, Any], within: str) -> None:
    """A fact on the wrong level would be passed over in silence."""
    if stated := [str(key) for key in document if key in DEFAULTS or key in ("event", "date")]:
        raise CaseError(f"stated beside {within!r} instead of within: {', '.join(stated[:_MAX_PROBLEMS])}")


def _question(inputs: dict[str, Any]) -> tuple[Event, date] | None:
    """Takes `event` and `date` out of `inputs`."""
    if "event" not in inputs and "date" not in inputs:
        return None
    event, day = inputs.pop("event", None), inputs.pop("date", None)
    if event not in get_args(Event):
        raise CaseError(f"event: one of {', '.join(get_args(Event))} is expected")
    return event, _day(day)


def _merge(defaults: Mapping[str, Any], given: Mapping[Any, Any], path: str) -> dict[str, Any]:
    """`given` over `defaults`, mapping into mapping. Raises CaseError for a field that has no default."""
    merged = dict(defaults)
    for key, value in given.items():
        where = f"{path}{key}"
        if key not in defaults:
            raise CaseError(f"unknown field {where!r}; {_known(str(key), defaults)}")
        if isinstance(defaults[key], Mapping):
            if not isinstance(value, Mapping):
                raise CaseError(f"{where}: a mapping of fields to values is expected")
            merged[key] = _merge(defaults[key], value, f"{where}.")
        else:
            merged[key] = value
    return merged


def _known(key: str, fields: Mapping[str, Any]) -> str:
    near = get_close_matches(key, fields, n=1)
    return f"{near[0]!r} is meant?" if near else f"known here: {', '.join(fields)}"


def _instant(value: object) -> datetime:
    """An ISO 8601 instant. Without an offset it is Shanghai's, where the count of the year is kept."""
    if isinstance(value, str):
        try:
            value = _iso(value)
        except ValueError:
            raise CaseError("at: an ISO 8601 time is expected") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=SHANGHAI)
    if not isinstance(value, datetime):
        raise CaseError("at: an ISO 8601 time is expected")
    return value if value.tzinfo is not None else value.replace(tzinfo=SHANGHAI)


def _iso(text: str) -> datetime:
    """ISO 8601, where 24:00 ends the day that it names. Raises ValueError, and OverflowError never."""
    midnight = _MIDNIGHT.fullmatch(text)
    if midnight is None:
        return datetime.fromisoformat(text)
    begun = datetime.fromisoformat(f"{midnight[1]}T00:00{midnight[2] or ''}")
    if begun.year > _LAST_YEAR:
        raise ValueError("out of range")
    return begun + timedelta(days=1)


def _day(value: object) -> date:
    """A day; of an instant, the day it is in Shanghai."""
    if isinstance(value, str):
        value = _day_or_moment(value)
    if isinstance(value, datetime):
        value = _within(value)
    if not isinstance(value, date):
        raise CaseError("date: a day like 2026-03-02 is expected")
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise CaseError(f"date: a year from {_FIRST_YEAR} to {_LAST_YEAR} is expected")
    return value


def _day_or_moment(text: str) -> date | None:
    for read in (date.fromisoformat, _iso):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _within(moment: datetime) -> date:
    """The Shanghai day, for instants whose neighbours are days too."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return moment.date()
    return shanghai_date(moment if moment.tzinfo is not None else moment.replace(tzinfo=SHANGHAI))


def _problems(error: ValidationError) -> str:
    found = [f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in error.errors(include_input=False)]
    return "; ".join(found[:_MAX_PROBLEMS])

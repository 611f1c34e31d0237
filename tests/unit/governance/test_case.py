"""A case in words: merged over the defaults, total, with errors that name the field."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from broker.core.governance.case import DEFAULTS, CaseError, DateQuestion, read_case
from broker.core.governance.facts import Facts


def test_nothing_said_is_the_ordinary_release() -> None:
    facts = read_case({})
    assert isinstance(facts, Facts)
    assert facts.exporter.city == "Shenzhen"
    assert facts.data.categories == ("name", "travel_doc_number")


def test_mappings_are_merged_and_lists_replaced() -> None:
    facts = read_case({"exporter": {"city": "Zhuhai"}, "data": {"categories": ["health"]}, "artefacts": ["scc_filed"]})
    assert isinstance(facts, Facts)
    assert (facts.exporter.city, facts.exporter.origin) == ("Zhuhai", "CN")
    assert facts.data.categories == ("health",)
    assert facts.artefacts == {"scc_filed"}
    assert read_case({}) == read_case(dict(DEFAULTS))


def test_a_worked_case_is_read_by_its_inputs() -> None:
    assert read_case({"id": "L", "inputs": {"basis": "hr"}, "expected": {}}) == read_case({"basis": "hr"})


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2026-12-31T16:00:00Z", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01T00:00:00+08:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01T00:00:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        (date(2027, 1, 1), datetime(2026, 12, 31, 16, tzinfo=UTC)),
        (datetime(2026, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_any_iso_time(at: object, instant: datetime) -> None:
    facts = read_case({"at": at})
    assert isinstance(facts, Facts)
    assert facts.at == instant


def test_a_question_about_dates() -> None:
    assert read_case({"event": "pia_report", "date": "2026-01-05"}) == DateQuestion("pia_report", date(2026, 1, 5))
    assert read_case({"event": "pia_report", "date": date(2026, 1, 5)}) == DateQuestion("pia_report", date(2026, 1, 5))


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (None, "mapping"),
        ([], "mapping"),
        ("text", "mapping"),
        ({"inputs": 1}, "inputs"),
        ({"inputs": {}, "surprise": 1}, "surprise"),
        ({"surprise": 1}, "surprise"),
        ({1: 2}, "'1'"),
        ({"exporter": {"surprise": 1}}, r"exporter\.surprise"),
        ({"exporter": "E1"}, "exporter"),
        ({"before": {"nonsensitive": -1}}, r"before\.nonsensitive"),
        ({"before": {"nonsensitive": "1"}}, r"before\.nonsensitive"),
        ({"before": {"nonsensitive": True}}, r"before\.nonsensitive"),
        ({"before": {"nonsensitive": 1.5}}, r"before\.nonsensitive"),
        ({"before": {"nonsensitive": 10**12}}, r"before\.nonsensitive"),
        ({"consent": {"separate": 1}}, r"consent\.separate"),
        ({"consent": {"separate": None}}, r"consent\.separate"),
        ({"basis": "whim"}, "basis"),
        ({"artefacts": ["stamp"]}, "artefacts"),
        ({"artefacts": "scc_filed"}, "artefacts"),
        ({"data": {"categories": "name"}}, "categories"),
        ({"recipient": {"trust": "E"}}, "trust"),
        ({"linkage": 26}, "linkage"),
        ({"linkage": -1}, "linkage"),
        ({"at": "yesterday"}, "at"),
        ({"at": 5}, "at"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "at"),
        ({"event": "birthday", "date": "2026-01-05"}, "event"),
        ({"event": "pia_report"}, "date"),
        ({"date": "2026-01-05"}, "event"),
        ({"event": "pia_report", "date": "5 January"}, "date"),
        ({"event": "pia_report", "date": "9999-12-31"}, "date"),
        ({"event": ["pia_report"], "date": "2026-01-05"}, "event"),
    ],
)
def test_what_cannot_be_read_is_named(document: Any, named: str) -> None:
    with pytest.raises(CaseError, match=named):
        read_case(document)


def test_the_largest_linkage_and_the_smallest() -> None:
    assert isinstance(read_case({"linkage": 25}), Facts)
    assert isinstance(read_case({"linkage": 0}), Facts)


def test_facts_have_no_defaults_of_their_own() -> None:
    """What the law turns on must be stated: only the question "may I send this?" has an ordinary release behind it."""
    assert all(field.is_required() for field in Facts.model_fields.values())
    with pytest.raises(ValidationError):
        Facts.model_validate({})


def test_facts_survive_json() -> None:
    facts = read_case({"artefacts": ["certification"]})
    assert isinstance(facts, Facts)
    assert Facts.model_validate_json(facts.model_dump_json()) == facts
    assert json.loads(facts.model_dump_json())["basis"] == "consent"

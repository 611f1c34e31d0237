"""A case in words: merged over the defaults, total, with errors that name the field."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from broker.core.governance.case import DEFAULTS, MAX_CASES, CaseError, DateQuestion, read_case, read_cases
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
    described = {"id": "L", "inputs": {"basis": "hr"}, "expected": {}, "whatever the author notes": 1}
    assert read_case(described) == read_case({"basis": "hr"})
    assert read_case({"id": "L", "inputs": None}) == read_case({})


@pytest.mark.parametrize(
    ("at", "instant"),
    [
        ("2026-12-31T16:00:00Z", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01T00:00:00+08:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01T00:00:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2027-01-01", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2026-12-31T24:00:00+08:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2026-12-31T24:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01 00:00:00.000001+0800", datetime(2026, 12, 31, 16, 0, 0, 1, tzinfo=UTC)),
        (date(2027, 1, 1), datetime(2026, 12, 31, 16, tzinfo=UTC)),
        (datetime(2026, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ],
)
def test_any_iso_time(at: object, instant: datetime) -> None:
    facts = read_case({"at": at})
    assert isinstance(facts, Facts)
    assert facts.at == instant


@pytest.mark.parametrize(
    "day",
    ["2026-01-05", date(2026, 1, 5), "2026-01-05T10:00:00+08:00", "2026-01-04T16:00:00Z", "2026-01-04T24:00:00+08:00"],
)
def test_a_question_about_dates(day: object) -> None:
    assert read_case({"event": "pia_report", "date": day}) == DateQuestion("pia_report", date(2026, 1, 5), "CN")


def test_several_cases() -> None:
    one, two = {"id": "A", "inputs": {"basis": "hr"}}, {"basis": "contract"}
    cases = read_cases([one, two])
    assert cases is not None
    assert [(case.id, case.question) for case in cases] == [("A", read_case(one)), ("2", read_case(two))]
    assert read_cases({"version": "1", "cases": [one, two]}) == cases
    assert read_cases(one) is None
    assert read_cases("text") is None


def test_cases_bring_their_own_defaults() -> None:
    cases = read_cases({"defaults": {"exporter": {"origin": "HK"}}, "cases": [{"basis": "hr"}]})
    assert cases is not None
    assert cases[0].question == read_case({"exporter": {"origin": "HK"}, "basis": "hr"})


def test_one_bad_case_leaves_the_others_be() -> None:
    cases = read_cases([{"surprise": 1}, 5, {"id": "B", "inputs": {}}])
    assert cases is not None
    assert [isinstance(case.question, CaseError) for case in cases] == [True, True, False]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "1 to"),
        ([{}] * (MAX_CASES + 1), "1 to"),
        ({"cases": {}}, "cases"),
        ({"cases": [{}], "basis": "hr"}, "beside 'cases'"),
        ({"cases": [{}], "defaults": 1}, "defaults"),
        ({"cases": [{}], "defaults": {"surprise": 1}}, r"defaults\.surprise"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(document: Any, named: str) -> None:
    with pytest.raises(CaseError, match=named):
        read_cases(document)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (None, "mapping"),
        ([], "mapping"),
        ("text", "mapping"),
        ({"inputs": 1}, "inputs"),
        ({"inputs": {}, "basis": "hr"}, "stated beside 'inputs' instead of within: basis"),
        ({"inputs": {}, "date": "2026-01-05"}, "beside 'inputs'"),
        ({"exporter": {"cioo": True}}, r"exporter\.cioo.*'ciio' is meant"),
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

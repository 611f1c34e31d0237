"""Every decision explains itself in the four languages, and every code has a sentence in each."""

import pytest

from broker.core.governance.case import read_case
from broker.core.governance.codes import Band, Duty, Flag, Gate, Mechanism, Why
from broker.core.governance.decide import decide
from broker.core.governance.decision import Decision
from broker.core.governance.explain import Catalogue, _complete
from broker.core.governance.facts import Facts
from broker.core.governance.policy import Policy
from broker.core.zone import LANGUAGES

CATALOGUE = Catalogue.load()
POLICY = Policy.load()


def _decision(given: dict[str, object]) -> Decision:
    facts = read_case(given)
    assert isinstance(facts, Facts)
    return decide(facts, POLICY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_sentence(language: str) -> None:
    text = CATALOGUE.texts[language]
    for section, codes in (
        ("decision", Mechanism),
        ("gate", Gate),
        ("band", Band),
        ("reason", Why),
        ("flag", Flag),
        ("obligation", Duty),
    ):
        assert set(text[section]) == {code.value for code in codes}


def test_languages_do_not_borrow_from_one_another() -> None:
    for section, entries in CATALOGUE.texts["en"].items():
        if section == "version":
            continue
        for code in entries:
            sentences = [CATALOGUE.texts[language][section][code] for language in ("zh-Hant", "en", "pt")]
            assert len(set(sentences)) == 3, (section, code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hold_says_what_is_missing_and_what_would_help(language: str) -> None:
    explanation = CATALOGUE.explain(_decision({"before": {"nonsensitive": 99_999}}), language)
    text = CATALOGUE.texts[language]
    assert explanation.headline == text["gate"]["hold"]
    assert text["decision"]["scc_or_certification"] in explanation.lines
    assert text["alternative"]["gba_sc"] in explanation.lines
    assert text["line"]["rights"] in explanation.lines
    assert explanation.citations


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_tells_counts_dates_score_and_grounds(language: str) -> None:
    decision = _decision({"before": {"nonsensitive": 84_999, "sensitive": 9_500}, "local_face_store": 100_000})
    told = " ".join(CATALOGUE.explain(decision, language).lines)
    for said in ("85000", "85 %" if language in ("en", "pt") else "85%", "9500", "95", "2026-07-14", "15", "Order 19"):
        assert said in told
    assert "{" not in told
    far = " ".join(CATALOGUE.explain(_decision({}), language).lines)
    assert "100000" not in far


def test_whoever_may_go_is_not_told_about_appeals() -> None:
    explanation = CATALOGUE.explain(_decision({}), "en")
    assert CATALOGUE.texts["en"]["line"]["rights"] not in explanation.lines


def test_a_flag_that_repeats_a_reason_is_said_once() -> None:
    decision = _decision({"data": {"important": "suspected"}})
    lines = CATALOGUE.explain(decision, "en").lines
    assert CATALOGUE.texts["en"]["reason"]["suspected_important_review"] in lines
    assert CATALOGUE.texts["en"]["flag"]["suspected_important_review"] not in lines


def test_other_languages_are_refused() -> None:
    with pytest.raises(ValueError, match="explanations exist in"):
        CATALOGUE.explain(_decision({}), "fr")


def test_an_incomplete_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="differs in"):
        _complete("en", {})

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

"""Keys of counts: which release is counted under which, and until when one lives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from broker.core.counting import CountingKey, CountingRule, CountingTerms, counting_key, year_before
from broker.core.governance.calendar import SHANGHAI
from broker.core.governance.decide import decide
from broker.core.release_facts import facts_of
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import StandingPapers
from broker.core.transfer import Counted, Outgoing, Subject, TransferRules
from tests.support.transfers import FILED

TERMS = CountingTerms.load()
STATUTORY = CountingKey(CountingRule.STATUTORY, "CN", 2026)
BULK = CountingKey(CountingRule.US_BULK, "US", 2026)
MICROSECOND = timedelta(microseconds=1)


def test_a_year_of_counts_is_forgotten_three_years_after_its_end() -> None:
    assert TERMS.ends(STATUTORY) == datetime(2030, 1, 1, tzinfo=SHANGHAI)


def test_a_rolling_count_is_forgotten_ten_years_after_the_last_window_that_reaches_it() -> None:
    assert TERMS.ends(BULK) == datetime(2038, 1, 1, tzinfo=SHANGHAI)


@pytest.mark.parametrize("key", [STATUTORY, BULK])
def test_a_key_ends_at_that_instant_and_not_before(key: CountingKey) -> None:
    end = TERMS.ends(key)
    assert key not in TERMS.ended(["CN", "US"], end - MICROSECOND)
    assert key in TERMS.ended(["CN", "US"], end)
    assert key not in TERMS.ended(["HK"], end)


def test_rule_origin_and_year_each_make_another_key_and_another_name() -> None:
    keys = [
        CountingKey(rule, origin, year) for rule in CountingRule for origin in ("CN", "HK") for year in (2026, 2027)
    ]
    assert len({key.key_id for key in keys}) == len(keys)
    person = UUID(int=7)
    names = {key.person(person, key=bytes([number]) * 32) for number, key in enumerate(keys)}
    assert len(names) == len(keys)
    assert person not in names


def test_the_year_is_shanghais() -> None:
    midnight = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    years = [counting_key(CountingRule.STATUTORY, "CN", at).year for at in (midnight - MICROSECOND, midnight)]
    assert years == [2026, 2027]


@pytest.mark.parametrize(
    ("at", "before"),
    [
        (datetime(2027, 6, 1, 12, 30, tzinfo=UTC), datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2029, 3, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),  # 365 days back would be a day too late
    ],
)
def test_twelve_months_back_is_the_same_day_of_the_calendar(at: datetime, before: datetime) -> None:
    assert year_before(at) == before


@pytest.mark.parametrize(("stored", "due"), [(None, False), (99_999, False), (100_000, True)])
def test_the_faces_stored_reach_the_decision(stored: int | None, due: bool) -> None:
    rules = TransferRules.load(FILED)
    papers = StandingPapers(faces={} if stored is None else {"CN": stored})
    profiles = replace(rules.profiles, papers=lambda: papers)
    terms = Rulebook.load().purposes.purpose("e-channel").terms
    face, at = Outgoing("HK-SZB", "HK", ("face_template",), terms, "lane"), datetime(2026, 11, 22, tzinfo=UTC)
    facts = facts_of(face, Subject("CN", 36), Counted(), profiles, rules.policy.at(at), at=at)
    assert ("due" in dict(decide(facts, rules.policy).dates)) is due

"""Drawing releases to look at: the rule itself, strata and rates, days in Shanghai."""

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from broker.core.sampling import (
    PARTS,
    Rates,
    Stratum,
    begins,
    commitment,
    day_of,
    digest_of,
    ends,
    in_time,
    is_decided,
    is_sampled,
)

SEED = bytes(range(32))
RATES = Rates.load()
DAY = date(2026, 11, 22)
# Midnight of that day in Shanghai is 16:00 of the day before in UTC.
MIDNIGHT = datetime(2026, 11, 21, 16, tzinfo=UTC)


def leaf(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def test_the_packaged_rates_are_those_of_the_policy() -> None:
    assert Rates(exempt=200, green=100, amber=1000, red=10_000) == RATES


@pytest.mark.parametrize("parts", [0, 1, 100, 200, 1000, 9999, PARTS])
def test_the_rule_is_the_one_of_the_page_in_exact_fractions(parts: int) -> None:
    for number in range(300):
        fraction = Fraction(int.from_bytes(hmac.digest(SEED, leaf(number), "sha256")[:8], "big"), 2**64)
        assert is_sampled(SEED, leaf(number), parts) is (fraction < Fraction(parts, PARTS))


def test_a_rate_of_one_draws_everything_and_none_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn in (bytes(8), b"\xff" * 8):
        monkeypatch.setattr(hmac, "digest", lambda *_, drawn=drawn: drawn + bytes(24))
        assert is_sampled(SEED, b"", PARTS)
        assert not is_sampled(SEED, b"", 0)


def test_the_edge_of_a_rate_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    # .01 of 2^64 is not whole: the last draw below it is in, the next one out.
    last = (100 << 64) // PARTS
    for drawn, sampled in ((last, True), (last + 1, False)):
        monkeypatch.setattr(hmac, "digest", lambda *_, drawn=drawn: drawn.to_bytes(8, "big"))
        assert is_sampled(SEED, b"", 100) is sampled


def test_about_as_many_as_the_rate_says_are_drawn() -> None:
    drawn = sum(is_sampled(SEED, leaf(number), 1000) for number in range(20_000))
    assert abs(drawn - 2000) < 4 * 42  # four standard deviations of a binomial draw


@pytest.mark.parametrize(
    ("clear", "stratum", "parts"),
    [
        ({"band": "green", "mechanism": "gba_sc"}, Stratum.GREEN, 100),
        ({"band": "green", "mechanism": "exempt"}, Stratum.EXEMPT, 200),
        ({"band": "amber", "mechanism": "exempt"}, Stratum.AMBER, 1000),
        ({"band": "red", "mechanism": "exempt"}, Stratum.RED, 10_000),
        ({"mechanism": "exempt"}, Stratum.UNKNOWN, 10_000),
        ({"band": "blue"}, Stratum.UNKNOWN, 10_000),
        ({"band": ["red"]}, Stratum.UNKNOWN, 10_000),
        ({}, Stratum.UNKNOWN, 10_000),
    ],
)
def test_a_release_belongs_to_the_stratum_that_is_drawn_most(
    clear: dict[str, object], stratum: Stratum, parts: int
) -> None:
    assert RATES.stratum(clear) is stratum
    assert RATES.of(stratum) == parts


@pytest.mark.parametrize(
    "text",
    [
        "exempt=200\ngreen=100\namber=1000",
        "exempt=200\ngreen=100\namber=1000\nred=10001",
        "exempt=200\ngreen=-1\namber=1000\nred=1",
        "exempt=200\ngreen=true\namber=1000\nred=1",
        "exempt=0.02\ngreen=1\namber=1\nred=1",
        "exempt=1\ngreen=1\namber=1\nred=1\nblue=1",
    ],
)
def test_rates_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no rates"):
        Rates.load(text)


def test_a_day_begins_and_ends_at_midnight_in_shanghai() -> None:
    assert begins(DAY) == MIDNIGHT
    assert ends(DAY) == MIDNIGHT + timedelta(days=1)
    seconds = int(MIDNIGHT.timestamp())
    assert day_of(seconds) == DAY
    assert day_of(seconds - 3600) == date(2026, 11, 21)
    with pytest.raises(ValueError, match="hour"):
        day_of(10**18)


def test_a_commitment_binds_only_when_a_checkpoint_from_before_the_day_covers_it() -> None:
    assert in_time(DAY, MIDNIGHT - timedelta(seconds=1))
    assert not in_time(DAY, MIDNIGHT)
    assert not in_time(DAY, MIDNIGHT + timedelta(seconds=1))
    assert not in_time(DAY, None)


def test_only_entries_with_a_decision_are_drawn_from() -> None:
    assert is_decided({"transfer": "hold"})
    assert not is_decided({"zone": "HK-SZB"})
    assert not is_decided({"transfer": 1})


def test_hashes_are_plain_sha_256() -> None:
    assert commitment(SEED) == hashlib.sha256(SEED).digest()
    assert digest_of([leaf(1), leaf(2)]) == hashlib.sha256(leaf(1) + leaf(2)).digest()

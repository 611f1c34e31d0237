"""Durations, limits, purposes of partners, and the words people read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.authorization import Grant
from broker.core.claim_words import ClaimWords
from broker.core.comparison import COMPARABLE
from broker.core.consent import ONCE, ConsentRecord, Gap, NoticeReference, Use, UseLimit, covers, gap
from broker.core.denial import InvalidInput
from broker.core.duration import format_duration, parse_duration
from broker.core.grant_merge import GrantAction, changed
from broker.core.identity_release import Frequency, IdentityRelease
from broker.core.partner_purpose import PartnerPurposes, frequency_text, limit_of, together
from broker.core.purpose import Recipient
from broker.core.rulebook import Rulebook
from broker.core.zone import LANGUAGES, Controller

BOOK = Rulebook.load()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = dict.fromkeys(LANGUAGES, "Bank")
BANK = Recipient("bank", Controller("bank", "company", "privacy@bank.example", NAMES), NAMES, "HK")
limits = st.builds(UseLimit, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 4).map(lambda n: n * DAY)))


@given(st.integers(1, 10**9))
def test_durations_are_read_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    if length.days < 10**5:
        assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [("P1Y", 365 * DAY), ("P2W", 14 * DAY), ("PT90M", timedelta(minutes=90)), ("P1DT1S", DAY + timedelta(seconds=1))],
)
def test_durations_that_people_write(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "30D", "P-1D", "P1.5D", "P0D", "p1d", "P1DT", "P1D ", "P٣D"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


def test_less_than_a_second_is_not_written() -> None:
    with pytest.raises(ValueError, match="one second"):
        format_duration(timedelta(milliseconds=1))


@given(limits, limits, st.lists(st.integers(0, 6 * 24), max_size=8))
def test_a_limit_within_another_never_allows_more(one: UseLimit, other: UseLimit, hours: list[int]) -> None:
    """Whatever uses keep to `one` keep to `other`."""

    def keeps(limit: UseLimit, moments: list[timedelta]) -> bool:
        stretches = [
            [at for at in moments if limit.per is None or start <= at < start + limit.per] for start in moments
        ]
        return all(len(stretch) <= limit.times for stretch in stretches)

    moments = [timedelta(hours=hour) for hour in hours]
    if one.within(other) and keeps(one, moments):
        assert keeps(other, moments)
    assert one.within(one)
    assert ONCE.within(one)


@pytest.mark.parametrize(("times", "per"), [(0, DAY), (1, timedelta(0))])
def test_a_limit_that_allows_nothing_is_none(times: int, per: timedelta) -> None:
    with pytest.raises(ValueError, match="at least one"):
        UseLimit(times, per)


RECORD = ConsentRecord(
    UUID(int=9), UUID(int=1), "account-opening", "bank", "bank", frozenset({"name"}), "consent", "company",
    NoticeReference("1", "en", b"d" * 32), NOON, NOON, NOON + 30 * DAY, frequency=UseLimit(2, DAY), retention=DAY,
)  # fmt: skip
USE = Use(UUID(int=1), "account-opening", "bank", "bank", frozenset({"name"}), DAY)


def test_a_counted_record_covers_only_who_counted() -> None:
    assert gap(RECORD, USE, at=NOON) is Gap.OVER_FREQUENCY
    assert covers(RECORD, USE, at=NOON, used=1)
    assert gap(RECORD, USE, at=NOON, used=2) is Gap.OVER_FREQUENCY
    assert covers(replace(RECORD, frequency=None), USE, at=NOON)


def test_nothing_is_kept_longer_than_agreed() -> None:
    assert gap(RECORD, replace(USE, retention=DAY + timedelta(seconds=1)), at=NOON, used=0) is Gap.KEPT_TOO_LONG
    assert gap(replace(RECORD, retention=None), USE, at=NOON, used=0) is Gap.KEPT_TOO_LONG


def test_a_version_supersedes_another_or_is_the_first() -> None:
    assert RECORD.series_id == RECORD.consent_id
    with pytest.raises(ValueError, match="supersedes"):
        replace(RECORD, version=2)
    with pytest.raises(ValueError, match="supersedes"):
        replace(RECORD, supersedes=UUID(int=3))


def test_every_purpose_a_partner_needs_is_there() -> None:
    wanted = {
        "sign-in", "age-check", "permit-check", "account-opening", "hotel-registration", "document-answer",
        "form-filling", "signing",
    }  # fmt: skip
    assert wanted <= BOOK.partner.purposes.keys()
    assert not BOOK.partner.purposes.keys() & BOOK.purposes.purposes.keys()
    assert BOOK.title("age-check", "en") != BOOK.title("e-channel", "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose_id", sorted(BOOK.partner.purposes))
def test_every_notice_is_complete(purpose_id: str, language: str) -> None:
    purpose = BOOK.partner.purpose(purpose_id)
    release = IdentityRelease(purpose_id, "bank", purpose.claims, purpose.retention)
    notice = BOOK.partner.notice(release, BANK, language, origin="CN")
    parts = (
        notice.title, notice.recipient, notice.controller, notice.contact, notice.purpose, notice.method,
        notice.effect, notice.refusal, notice.withdrawal, notice.rights, notice.legal_basis, notice.crossing,
    )  # fmt: skip
    assert all(parts)
    assert {claim for claim, words in notice.words if words} == purpose.claims
    assert bool(notice.sensitive) == ("document_number" in purpose.claims)
    home = BOOK.partner.notice(release, BANK, language, origin="HK")
    assert not home.crossing
    assert home.reference().digest != notice.reference().digest


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "nothing"},
        {"claims": frozenset({"over_18", "name"})},
        {"claims": frozenset[str]()},
        {"optional": frozenset({"name"})},
        {"retention": 31 * DAY},
        {"retention": timedelta(0)},
        {"frequency": Frequency(25, DAY)},
        {"frequency": Frequency(1, timedelta(minutes=1))},
    ],
)
def test_a_release_beyond_its_purpose_is_refused(change: dict[str, object]) -> None:
    fine = IdentityRelease("age-check", "bank", frozenset({"over_18"}), DAY, Frequency(24, DAY))
    assert BOOK.partner.allows(fine)
    beyond = replace(fine, **change)  # type: ignore[arg-type]
    assert not BOOK.partner.allows(beyond)
    with pytest.raises(InvalidInput):
        BOOK.partner.check(beyond)


def test_predicate_arguments_are_spelled_out_and_stay_beneath_the_ceiling() -> None:
    words = BOOK.partner.words
    assert "Hong Kong or Macau" in words.words("resident_of:HK,MO", "en")
    assert "2026-12-01" in words.words("permit_valid:2026-12-01", "pt")
    assert words.place("SG", "en") == "SG"
    assert BOOK.partner.allows(IdentityRelease("permit-check", "bank", frozenset({"resident_of:HK"}), DAY))
    with pytest.raises(InvalidInput):
        words.words("shoe_size", "en")


@pytest.mark.parametrize("name", sorted(COMPARABLE))
def test_a_comparison_has_words_of_its_own_and_the_ceiling_of_its_claim(name: str) -> None:
    words, matching = BOOK.partner.words, f"matches:{name}"
    for language in LANGUAGES:
        assert words.words(matching, language) != words.words(name, language)
    purposes = BOOK.partner.purposes.values()
    allowed = {one.purpose_id for one in purposes if name in one.claims}
    release = IdentityRelease("", "bank", frozenset({matching}), DAY)
    asked = {one.purpose_id for one in purposes if BOOK.partner.allows(replace(release, purpose=one.purpose_id))}
    assert asked == allowed


@pytest.mark.parametrize(
    ("limit", "text"),
    [(None, ""), (ONCE, "once"), (UseLimit(3), "3"), (UseLimit(3, DAY), "P1D/3")],
)
def test_frequencies_have_one_spelling(limit: UseLimit | None, text: str) -> None:
    assert frequency_text(limit) == text


def test_a_wider_request_carries_on_what_stands() -> None:
    release = IdentityRelease(
        "account-opening", "bank", frozenset({"name", "birthdate"}), timedelta(hours=1), None, frozenset({"name"})
    )
    both = together(RECORD, release)
    assert both.claims == {"name", "birthdate"}
    assert both.optional == frozenset()
    assert (both.retention, limit_of(both)) == (DAY, UseLimit(2, DAY))
    wider = together(RECORD, replace(release, frequency=Frequency(5, DAY)))
    assert limit_of(wider) == UseLimit(5, DAY)


LAW = 'legal_basis="l"\nexporter_kind="company"\nbasis="consent"\nindustry="general"\nstorage="le_30d"'


@pytest.mark.parametrize(
    "broken",
    [
        'version="1"\npurposes=[]',
        f'version="1"\n[[purposes]]\nid="x"\nclaims=[]\nmax_days=1\n{LAW}',
        f'version="1"\n[[purposes]]\nid="x"\nclaims=["shoe_size"]\nmax_days=1\n{LAW}',
    ],
)
def test_incomplete_purposes_are_refused_at_start(broken: str) -> None:
    with pytest.raises(ValueError, match=r"no purpose|covers nothing|unknown claims"):
        PartnerPurposes.load(broken)


def test_incomplete_words_are_refused_at_start() -> None:
    with pytest.raises(ValueError, match="no text"):
        ClaimWords.load('version="1"\n[places]\n[claims.name]\ncategory="name"\nen="Name"')


def _grant(*releases: IdentityRelease) -> Grant:
    return Grant(
        UUID(int=5), "client", UUID(int=1), "s", "p", "acr", NOON, frozenset({"openid"}), None, NOON, NOON + DAY,
        releases=releases, consents=tuple(UUID(int=100 + place) for place in range(len(releases))),
    )  # fmt: skip


def test_merging_adds_and_replacing_replaces() -> None:
    old = IdentityRelease("account-opening", "bank", frozenset({"name"}), 2 * DAY, None, frozenset({"name"}))
    other = IdentityRelease("signing", "bank", frozenset({"signature"}), DAY)
    new = IdentityRelease("account-opening", "bank", frozenset({"name", "birthdate"}), DAY)
    given = {"scopes": frozenset({"openid", "profile"}), "releases": (new,), "consents": (UUID(int=7),)}

    scopes, releases, consents = changed(_grant(old, other), GrantAction.MERGE, **given)  # type: ignore[arg-type]
    assert scopes == {"openid", "profile"}
    assert releases == (replace(new, retention=2 * DAY), other)
    assert consents == (UUID(int=7), UUID(int=101))
    replaced = changed(_grant(old, other), GrantAction.REPLACE, **given)  # type: ignore[arg-type]
    assert replaced == (given["scopes"], (new,), (UUID(int=7),))

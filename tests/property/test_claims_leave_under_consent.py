"""No claim leaves without a covering consent: over random people, consents, changes of mind, times and requests.

The rule is written down here a second time, from the ledger's history alone and in other words than the code's. A
mutation of the check must break it (the last tests): a property that cannot fail proves nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from broker.core import disclosure
from broker.core.client import Client
from broker.core.consent import ONCE, Gap
from broker.core.denial import Denied
from broker.core.identity_release import Frequency, IdentityRelease, ReleasedClaims, base_claim
from broker.core.linking import Linked
from broker.core.predicates import BASIS, PREDICATES
from broker.flows import claim_cover, release_claims
from tests.ports.fakes import FakeKeyStore, FakeWorks
from tests.support.broker_world import World, entropy_of
from tests.support.partner_world import BANK, SHOP, PartnerWorld, client_of

PEOPLE = ("person-1", "person-2")
PURPOSES = ("account-opening", "document-answer")
PREDICATES_ASKED = ("over_18", "resident_of:HK", "resident_of", "permit_valid", "permit_valid:2027-06-30")
CLAIMS = (
    "name",
    "birthdate",
    "document_number",
    "document_type",
    "document_expires",
    "matches:name",
    *PREDICATES_ASKED,
)
EXPIRES = date(2027, 12, 31)
DATA = {
    "name": "陳小明",
    "birthdate": "1990-01-02",
    "document_number": "A1234563",
    "document_expires": EXPIRES.isoformat(),
}
LIMITS = (None, Frequency(1, timedelta(days=1)), Frequency(2, timedelta(days=2)))

claims = st.frozensets(st.sampled_from(CLAIMS), min_size=1, max_size=4)
retentions = st.sampled_from([timedelta(days=1), timedelta(days=30)])
releases = st.builds(
    IdentityRelease,
    purpose=st.sampled_from(PURPOSES),
    recipient=st.sampled_from([BANK, SHOP]),
    claims=claims,
    retention=retentions,
    frequency=st.sampled_from(LIMITS),
)
people = st.sampled_from(PEOPLE)
moves = st.one_of(
    st.tuples(st.just("agree"), people, releases),
    st.tuples(st.sampled_from(["withdraw", "pause", "resume"]), people, st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 24, 24 * 40])),
    st.tuples(
        st.just("ask"),
        people,
        st.lists(releases, min_size=1, max_size=2, unique_by=lambda one: (one.purpose, one.recipient)),
        st.sampled_from([BANK, SHOP]),
        st.one_of(st.none(), st.frozensets(st.sampled_from([*CLAIMS, "family_name"]), max_size=3)),
    ),
)


@dataclass
class Agreed:
    """What the test itself remembers of one consent."""

    person: str
    release: IdentityRelease
    claims: frozenset[str]
    at: datetime
    until: datetime
    consent_id: UUID
    limit: tuple[int, timedelta | None]
    retention: timedelta
    state: str = "active"
    uses: list[datetime] = field(default_factory=list)

    def allows(self, person: str, release: IdentityRelease, at: datetime) -> bool:
        times, per = self.limit
        recent = [use for use in self.uses if per is None or use > at - per]
        return (
            self.state == "active"
            and self.person == person
            and (self.release.purpose, self.release.recipient) == (release.purpose, release.recipient)
            and self.at <= at < self.until
            and release.retention <= self.retention
            and len(recent) < times
        )


@dataclass
class Script:
    """Plays moves against the flows and keeps its own books."""

    agency: PartnerWorld
    ids: dict[str, UUID]
    clients: dict[str, Client]
    books: list[Agreed] = field(default_factory=list)

    @classmethod
    def begin(cls) -> "Script":
        world = World(FakeWorks(), FakeKeyStore(entropy_of(b"keys")))
        agency = PartnerWorld(world)
        ids = {name: _linked(world, name) for name in PEOPLE}
        return cls(agency, ids, {partner: client_of(world, partner) for partner in (BANK, SHOP)})

    def play(self, move: tuple[Any, ...]) -> None:
        world = self.agency.world
        match move:
            case ("agree", person, release):
                self.agree(person, release)
            case ("wait", hours):
                world.at += timedelta(hours=hours)
            case ("ask", person, asked, partner, wanted):
                self.ask(person, asked, partner, wanted)
            case (change, person, number):
                mine = [one for one in self.books if one.person == person]
                if mine:
                    self.change(change, mine[number % len(mine)])

    def agree(self, person: str, release: IdentityRelease) -> None:
        world = self.agency.world
        record = self.agency.agree(self.ids[person], release).record
        uses: list[datetime] = []
        for one in self.books:
            same = (one.person, one.release.purpose, one.release.recipient)
            if same == (person, release.purpose, release.recipient) and one.state in ("active", "paused"):
                # "Three a day" is three a day across versions, too; a single use agreed to anew is a new one.
                over = one.until <= world.at
                one.state, uses = "superseded", [] if over or record.frequency == ONCE else one.uses
        assert record.frequency is not None
        assert record.retention is not None
        limit = (record.frequency.times, record.frequency.per)
        self.books.append(
            Agreed(
                person,
                release,
                record.categories,
                world.at,
                record.valid_until,
                record.consent_id,
                limit,
                record.retention,
                uses=[*uses],
            )
        )

    def change(self, change: str, one: Agreed) -> None:
        person, over = self.ids[one.person], one.until <= self.agency.world.at
        if one.state == "superseded":
            return
        if change == "withdraw":
            self.agency.world.withdraw(person, one.consent_id)
            one.state = "withdrawn" if one.state in ("active", "paused") else one.state
        elif change == "pause":
            self.agency.pause(person, one.consent_id)
            one.state = "paused" if one.state == "active" else one.state
        else:
            self.agency.resume(person, one.consent_id)
            one.state = "active" if one.state == "paused" and not over else one.state

    def ask(self, person: str, asked: list[IdentityRelease], partner: str, wanted: frozenset[str] | None) -> None:
        at = self.agency.world.at
        told = self.agency.release(
            self.ids[person], *asked, client=self.clients[partner],
            wanted=None if wanted is None else sorted(wanted),
        )  # fmt: skip
        allowed: dict[str, list[Agreed]] = {}
        for release in asked:
            if release.recipient != partner:
                continue
            for one in self.books:
                if one.allows(person, release, at):
                    needed = self._needed(release, wanted)
                    for name, basis in needed.items():
                        if all(relied <= one.claims for relied in needed.values()):
                            assert basis
                            allowed.setdefault(name, []).append(one)
        if isinstance(told, Denied):
            assert not allowed, "what was agreed to must be answered"
            return
        assert isinstance(told, ReleasedClaims)
        assert told.values.keys() <= allowed.keys(), "a claim left without a covering consent"
        for name, value in told.values.items():
            if base_claim(name) in PREDICATES:
                assert value not in DATA.values()
        # No datum hides in another value.
        for name, datum in DATA.items():
            assert name in told.values or datum not in map(str, told.values.values())
        for consent in told.consents:
            next(one for one in self.books if one.consent_id == consent).uses.append(at)
        journalled = self.agency.journal(self.ids[person])[: len(told.consents)]
        assert {use.personal["consent"] for use in journalled} == {str(one) for one in told.consents}
        assert {name for use in journalled for name in use.clear["claims"]} >= {base_claim(n) for n in told.values}

    def _needed(self, release: IdentityRelease, wanted: frozenset[str] | None) -> dict[str, frozenset[str]]:
        """Which of the release's claims each wanted name may rest on."""
        needed = {}
        for name in release.claims if wanted is None else wanted:
            if name.startswith("matches:"):
                continue  # nobody states a value here
            ways = [frozenset({name})]
            if base_claim(name) == "resident_of":
                ways.append(frozenset({"resident_of"}))
            if base_claim(name) in PREDICATES:
                ways.append(BASIS[base_claim(name)])
            relied = next((way for way in ways if way <= release.claims), None)
            if relied is not None:
                needed[name] = relied
        return needed


def _linked(world: World, name: str) -> UUID:
    """Somebody whose document says when it ends, so that questions about that day have an answer."""
    grant = world.grant(name)
    claims = grant.claims.model_copy(update={"document_expires": EXPIRES})
    outcome = world.arrive(grant.model_copy(update={"claims": claims}))
    assert isinstance(outcome, Linked)
    return outcome.traveller


def play_all(script: list[tuple[Any, ...]]) -> None:
    stage = Script.begin()
    for move in script:
        stage.play(move)


LOOSE = settings(suppress_health_check=list(HealthCheck), report_multiple_bugs=False)


# What random scripts seldom hit: the plain question agreed to and the other asked; a frequency used up, then a next
# version.
_VALID = IdentityRelease("account-opening", BANK, frozenset({"permit_valid"}), timedelta(days=30), LIMITS[2])
_AGREE_VALID = ("agree", "person-1", _VALID)
_ASK_VALID = ("ask", "person-1", [_VALID], BANK, None)
_ASK_DAY = ("ask", "person-1", [_VALID], BANK, frozenset({"permit_valid:2027-06-30"}))


@given(st.lists(moves, max_size=10))
@example([_AGREE_VALID, _ASK_DAY])
@example([_AGREE_VALID, _ASK_VALID, _ASK_VALID, _AGREE_VALID, _ASK_VALID])
@settings(max_examples=300, deadline=None, parent=LOOSE)
def test_no_claim_leaves_without_a_covering_consent(script: list[tuple[Any, ...]]) -> None:
    play_all(script)


# One script for each thing a consent can lack: with that part of the check gone, each of them lets a claim out.
_NAME = IdentityRelease("account-opening", BANK, frozenset({"name"}), timedelta(days=30), LIMITS[2])
_MORE = replace(_NAME, claims=frozenset({"name", "document_number"}))
_ASK = ("ask", "person-1", [_NAME], BANK, None)
_AGREE = ("agree", "person-1", _NAME)
LACKING: dict[Gap, list[tuple[Any, ...]]] = {
    Gap.CATEGORY_NOT_GRANTED: [_AGREE, ("ask", "person-1", [_MORE], BANK, None)],
    Gap.KEPT_TOO_LONG: [("agree", "person-1", replace(_NAME, retention=timedelta(days=1))), _ASK],
    Gap.PAUSED: [_AGREE, ("pause", "person-1", 0), _ASK],
    Gap.EXPIRED: [_AGREE, ("wait", 24 * 40), _ASK],
    Gap.OVER_FREQUENCY: [_AGREE, _ASK, _ASK, _ASK],
}


@contextmanager
def blind_to(*gaps: Gap) -> Iterator[None]:
    """The check overlooks these gaps, and the values' own guard is off."""
    real, guard = claim_cover.gap, disclosure.disclose

    def mutant(*arguments: Any, **keywords: Any) -> Gap | None:
        found = real(*arguments, **keywords)
        return None if found in gaps else found

    def unguarded(claims: Any, items: Any, *, covered: frozenset[str], at: datetime) -> dict[str, Any]:
        everything = frozenset[str]().union(*(item.rests_on for item in items.values()))
        return guard(claims, items, covered=everything, at=at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim_cover, "gap", mutant)
        patch.setattr(release_claims, "disclose", unguarded)
        yield


@pytest.mark.parametrize("lacking", LACKING)
def test_a_check_that_overlooks_one_gap_breaks_the_property(lacking: Gap) -> None:
    play_all(LACKING[lacking])
    with blind_to(lacking), pytest.raises(AssertionError, match="without a covering consent"):
        play_all(LACKING[lacking])


def test_a_check_that_overlooks_everything_is_found_by_random_scripts() -> None:
    found = given(st.lists(moves, min_size=2, max_size=10))(play_all)
    quick = settings(
        max_examples=400, derandomize=True, deadline=None, database=None, phases=[Phase.generate], parent=LOOSE
    )
    with blind_to(*Gap), pytest.raises(AssertionError, match="without a covering consent"):
        quick(found)()


def test_the_guard_on_values_alone_keeps_ungranted_claims_in() -> None:
    """The second line of defence: the check is blind, the values' own guard is not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim_cover, "gap", lambda *arguments, **keywords: None)
        with pytest.raises(disclosure.Uncovered):
            play_all(LACKING[Gap.CATEGORY_NOT_GRANTED])

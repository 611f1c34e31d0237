"""What the counts of a year come to, however the releases of one instant are ordered and repeated (in memory)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.governance.policy import Policy
from broker.core.governance.rules import Rule
from broker.core.transfer import Outgoing, PurposeTerms, Subject, TransferProfiles, TransferRules
from broker.flows.decide_transfer import decide_transfer
from broker.flows.ports import Work
from broker.flows.ports.transfers import ExporterTotal, RecipientTotal
from tests.ports.fakes import FakeKeyStore, FakeWork
from tests.support.transfers import FILED

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
RULES = TransferRules(Policy.load(), TransferProfiles.load(FILED))
LIMIT = 4

Release = tuple[int, str, str, str]  # person, recipient, category, basis


def _small() -> TransferRules:
    """The same law with a volume exemption below LIMIT persons, and no contract to fall back on."""
    (open_edition,) = [p for p in RULES.policy.data.provision if p.id is Rule.CN_VOLUME]
    lowered = open_edition.model_copy(
        update={"numbers": {"nonsensitive_below": LIMIT}, "since": datetime(2026, 1, 1, tzinfo=UTC)}
    )
    assessed = TransferProfiles.load(FILED.replace('"gba_sc_filed"', "", 1))
    return replace(RULES, policy=RULES.policy.with_edition(lowered), profiles=assessed)


SMALL = _small()
Totals = tuple[Sequence[ExporterTotal], Sequence[RecipientTotal]]


def _released(releases: Sequence[Release], rules: TransferRules) -> tuple[Totals, int]:
    """The totals after these releases, all at one instant, and how many of them went."""
    work, keys, went = FakeWork(), FakeKeyStore(lambda size: b"k" * size), 0
    for person, recipient, category, basis in releases:
        stated = {"exporter_kind": "company", "basis": basis, "industry": "general", "storage": "le_30d"}
        departure = decide_transfer(
            cast(Work, work),
            keys=keys,
            rules=rules,
            traveller=UUID(int=person),
            subject=Subject("CN", 36),
            outgoing=Outgoing(recipient, "HK", (category,), PurposeTerms.model_validate(stated), "account"),
            at=AT,
        )
        went += departure.gate.permits
    return (work.transfers.totals(2026), work.transfers.recipient_totals(2026)), went


releases = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["bank", "ferry"]),
        st.sampled_from(["name", "face_template"]),
        st.sampled_from(["consent", "contract"]),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(releases, st.randoms(use_true_random=False))
def test_the_order_of_equal_time_releases_changes_no_total(listed: list[Release], random: object) -> None:
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _released(shuffled, RULES) == _released(listed, RULES)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 7), max_size=12), st.randoms(use_true_random=False))
def test_at_a_threshold_the_order_decides_who_goes_and_never_how_many_count(people: list[int], random: object) -> None:
    shuffled = list(people)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = [[(person, "bank", "name", "consent") for person in order] for order in (people, shuffled)]
    (first, _), (other, _) = (_released(order, SMALL) for order in plain)
    assert first == other
    counted = min(LIMIT - 1, len(set(people)))
    assert [total.nonsensitive for total in first[0]] == ([counted] if counted else [])


@settings(max_examples=40)
@given(releases)
def test_whoever_is_released_twice_counts_once(listed: list[Release]) -> None:
    totals, went = _released(listed, RULES)
    again, twice = _released([*listed, *listed], RULES)
    assert again == totals
    assert twice == 2 * went
    everyone = {person for person, *_ in listed}
    assert all(total.gross_nonsensitive <= len(everyone) for total in totals[0])

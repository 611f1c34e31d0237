"""Every way by which personal data leave is red without its decision: it fails, and keeps nothing.

The decision is taken away twice: made in another transaction than the one that releases, and overlooked when it is
against. (Where a way ends without data because the law holds them back, that is shown first.)
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from joserfc.jwk import ECKey

from broker.core.approval import ApprovalKind, ApprovalRequest, ApprovalStatus
from broker.core.denial import Denied
from broker.core.departure import Departure, Departures, NoDeparture
from broker.core.permit import departure as real_departure
from broker.flows import decide_transfer as deciding
from broker.flows.answer_document import BoundDocument, answer_document
from broker.flows.decide_notice import decide_notice
from broker.flows.fetch_approval import fetch_approval
from broker.flows.finish_approval import Sealing, settle_approval
from broker.flows.issue_consent_grant import Granting
from broker.flows.name_person import name_person
from broker.flows.tell_number import tell_number
from broker.flows.verify_claims import verify_claims
from broker.wire.approval_connector import FilledForm
from broker.wire.identity_connector import LoginStart
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.ports.fakes import FakeKeyStore, FakeWorks
from tests.ports.test_transfers import MAINLAND, SAR, resident
from tests.support.broker_world import World
from tests.support.partner_world import BANK, PartnerWorld, client_of, opening

KEY: Final = ECKey.generate_key("P-256", parameters={"use": "enc", "kid": "bank"})
FORM: Final = {"fields": ["name", "email"], "form": "Card", "number": "1", "description": "A card"}


@pytest.fixture
def agency() -> PartnerWorld:
    made = PartnerWorld(World(FakeWorks(), FakeKeyStore(os.urandom)))
    with made.world.begin() as work:
        work.partners.set_keys(BANK, jwks_uri=None, jwks={"keys": [KEY.as_dict(private=False)]}, at=made.world.at)
    return made


def law(agency: PartnerWorld) -> dict[str, Any]:
    world = agency.world
    return {"keys": world.keys, "rulebook": world.rulebook, "at": world.at, "entropy": world.entropy}


def gate(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    world, traveller = agency.world, resident(agency.world, origin)
    request = world.lane().request(world.phone.code(world.one_pass(traveller), world.at), world.at)[1]
    return lambda: world.release(request)


def offline_pass(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller, keys = resident(agency.world, origin, offline=True), agency.world.phone.new_keys(2)
    return lambda: agency.world.mint(traveller, keys, PassMode.OFFLINE)


def pass_shown_again(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller, keys = resident(agency.world, SAR, offline=True), agency.world.phone.new_keys(1)
    assert isinstance(agency.world.mint(traveller, keys, PassMode.OFFLINE), tuple)
    move(agency.world, traveller, origin)
    return lambda: agency.world.mint(traveller, keys, PassMode.OFFLINE)


def claims(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, origin)
    agency.agree(traveller, opening("name", "over_18"))
    return lambda: agency.release(traveller, opening("name", "over_18"))


def predicates(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, origin)
    agency.agree(traveller, opening("name", "over_18"))
    return lambda: agency.release(traveller, opening("name", "over_18"), wanted=["over_18"])


def comparison(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, origin)
    agency.agree(traveller, opening("name"))

    def ask() -> object:
        with agency.world.begin() as work:
            return verify_claims(
                work, traveller=traveller, client=client_of(agency.world), releases=[opening("name")],
                stated={"name": "CHAN"}, **law(agency),
            )  # fmt: skip

    return ask


def document(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, origin)
    agency.agree(traveller, opening("name"))

    def ask() -> object:
        with agency.world.begin() as work:
            return answer_document(
                work, traveller=traveller, client=client_of(agency.world), releases=[opening("name")],
                wanted=frozenset({"name"}), document=BoundDocument("00" * 32, None), subject="s",
                signer=agency.world.signers[KeyUse.ANSWER],
                granting=Granting(agency.world.signers[KeyUse.RECEIPT], "https://broker.example"),
                issuer="https://broker.example", **law(agency),
            )  # fmt: skip

    return ask


def waiting(agency: PartnerWorld, traveller: UUID, kind: ApprovalKind = ApprovalKind.FORM_FILL) -> ApprovalRequest:
    """A request that the person agreed to and took to their provider."""
    world = agency.world
    asked = dict(FORM) if kind is ApprovalKind.FORM_FILL else {"sha256": "00" * 32, "name": "n", "kind": "pdf"}
    made = ApprovalRequest(
        UUID(int=7), BANK, f"{BANK}-client", kind, asked, world.at, world.at + timedelta(hours=1),
        status=ApprovalStatus.APPROVING, traveller=traveller, provider="iamsmart", memory=b"m",
    )  # fmt: skip
    agency.agree(traveller, made.release(world.rulebook.partner.purpose(made.purpose).retention))
    with world.begin() as work:
        work.approvals.add(made)
    return made


def settled(agency: PartnerWorld, made: ApprovalRequest) -> ApprovalRequest:
    world = agency.world
    sealing = Sealing(
        world.keys, world.rulebook, world.signers[KeyUse.ANSWER], "https://broker.example",
        Granting(world.signers[KeyUse.RECEIPT], "https://broker.example"),
    )  # fmt: skip
    outcome = FilledForm({"emailAddress": "a@b.example"}, bytes(32))
    with world.begin() as work:
        return settle_approval(work, made, outcome, sealing=sealing, at=world.at, entropy=world.entropy)


def form(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    made = waiting(agency, resident(agency.world, origin))
    return lambda: settled(agency, made)


def collected(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, SAR)
    made = settled(agency, waiting(agency, traveller))
    assert made.status is ApprovalStatus.READY
    move(agency.world, traveller, origin)

    def ask() -> object:
        with agency.world.begin() as work:
            return fetch_approval(
                work, client=client_of(agency.world), kind=made.kind, request_id=made.request_id, **law(agency)
            )

    return ask


def number(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, SAR)
    made = waiting(agency, traveller, ApprovalKind.SIGNATURE)
    move(agency.world, traveller, origin)
    world = agency.world
    start = LoginStart("state", "https://broker.example/back", "en", world.at, world.entropy)
    common = {"keys": world.keys, "rulebook": world.rulebook, "provider": "iamsmart", "start": start}
    return lambda: tell_number(world.begin, made, **common)  # type: ignore[arg-type]


def token(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller = resident(agency.world, origin)

    def ask() -> object:
        with agency.world.begin() as work:
            return name_person(work, traveller=traveller, client=client_of(agency.world), subject="p", **law(agency))

    return ask


def notice(agency: PartnerWorld, origin: str) -> Callable[[], object]:
    traveller, world = resident(agency.world, origin), agency.world
    with world.begin() as work:
        work.logins.add_grant(agency.grant(traveller, [], [], UUID(int=9)))  # type: ignore[attr-defined]
        work.partner_events.enqueue(BANK, "session.revoked", {"grants": []}, at=world.at, entropy=world.entropy)
        (event,) = work.partner_events.of(BANK, state=None, limit=9)
        bank = work.partners.find(BANK)
    assert bank is not None

    def ask() -> object:
        with world.begin() as work:
            return decide_notice(work, replace(event, subject="pairwise"), bank, **law(agency))

    return ask


WAYS: Final = [
    gate, offline_pass, pass_shown_again, claims, predicates, comparison, document, form, collected, number, token,
    notice,
]  # fmt: skip


def move(world: World, traveller: UUID, origin: str) -> None:
    """Their data reside elsewhere from now on."""
    people = world.works.state.travellers.people  # type: ignore[attr-defined]
    people[traveller] = replace(people[traveller], jurisdiction=origin)


def entries(agency: PartnerWorld) -> int:
    return len(agency.world.works.state.journal.leaves)  # type: ignore[attr-defined]


@pytest.fixture
def in_another_transaction(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever releases holds a decision, but none of its own transaction."""

    def foreign(account: Departures, *arguments: Any, **keywords: Any) -> Departure:
        return real_departure(Departures(), *arguments, **keywords)

    monkeypatch.setattr(deciding, "departure", foreign)
    yield


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_with_its_decision_it_leaves_and_is_journalled(agency: PartnerWorld, way: Any) -> None:
    before, ask = 0, way(agency, SAR)
    before = entries(agency)
    answer = ask()
    assert not isinstance(answer, Denied)
    assert entries(agency) > before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_without_it_nothing_leaves_and_nothing_is_kept(
    agency: PartnerWorld, way: Any, request: pytest.FixtureRequest
) -> None:
    ask = way(agency, SAR)
    before = entries(agency)
    request.getfixturevalue("in_another_transaction")
    with pytest.raises(NoDeparture):
        ask()
    assert entries(agency) == before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_refusal_that_is_overlooked_lets_nothing_out(
    agency: PartnerWorld, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = way(agency, MAINLAND)
    before = entries(agency)
    monkeypatch.setattr(Departure, "refusal", None)
    with pytest.raises(NoDeparture):
        ask()
    assert entries(agency) == before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_refusal_that_is_seen_is_journalled_with_its_reasons(agency: PartnerWorld, way: Any) -> None:
    ask = way(agency, MAINLAND)
    ask()
    leaf = agency.world.works.state.journal.leaves[-1][3]  # type: ignore[attr-defined]
    assert (leaf.clear["transfer"], leaf.clear["origin"]) in (("hold", "CN"), ("deny", "CN"))
    assert leaf.clear["destination"] == "HK"

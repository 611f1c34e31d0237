"""Requests for approval, guesses and notices behave the same in memory and in PostgreSQL."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from broker.core.approval import (
    FETCH_AGAIN,
    KEEP,
    RETENTION,
    ApprovalKind,
    ApprovalRequest,
    ApprovalStatus,
)
from broker.core.denial import InvalidInput
from broker.core.partner import Ceilings, Partner, PartnerKind
from broker.core.webhook import LEASE, EventState
from broker.flows.change_partner import register_keys
from broker.flows.onboard_partner import onboard_partner
from broker.flows.refresh_key_sets import AGE, refresh_key_sets
from tests.support.broker_world import World
from tests.support.partner_world import BANK, NAMES, SHOP, PartnerWorld

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def partners(world: World) -> PartnerWorld:
    return PartnerWorld(world)


def asked(world: World, **changes: object) -> ApprovalRequest:
    made = ApprovalRequest(
        uuid4(), BANK, f"{BANK}-client", ApprovalKind.FORM_FILL, {"fields": ["name"]}, world.at, world.at + DAY
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_request_is_found_by_the_state_its_provider_was_sent(partners: PartnerWorld) -> None:
    world = partners.world
    request = asked(world)
    with world.begin() as work:
        work.approvals.add(request)
        away = replace(request, status=ApprovalStatus.APPROVING, state_hash=b"s" * 32, memory=b"sealed")
        work.approvals.keep(away)
    with world.begin() as work:
        assert work.approvals.by_state(b"s" * 32) == away
        assert work.approvals.by_state(b"t" * 32) is None
        assert work.approvals.lock(request.request_id) == away
        assert work.approvals.find(uuid4()) is None


def test_an_idempotency_key_belongs_to_the_first_request_of_its_client(partners: PartnerWorld) -> None:
    world, first = partners.world, uuid4()
    until = world.at + DAY
    with world.begin() as work:
        assert work.approvals.reserve_key("a", "k", fingerprint=b"1", request_id=first, until=until) is None
    with world.begin() as work:
        again = work.approvals.reserve_key("a", "k", fingerprint=b"2", request_id=uuid4(), until=until)
        assert again == (b"1", first)
        assert work.approvals.reserve_key("b", "k", fingerprint=b"2", request_id=uuid4(), until=until) is None


def test_time_takes_results_first_and_requests_at_last(partners: PartnerWorld) -> None:
    world = partners.world
    ready = asked(world, status=ApprovalStatus.READY, result=b"jwe", settled_at=world.at)
    fetched = replace(ready, request_id=uuid4(), status=ApprovalStatus.FETCHED, fetched_at=world.at)
    waiting = asked(world, expires_at=world.at + timedelta(minutes=1))
    with world.begin() as work:
        for request in (ready, fetched, waiting):
            work.approvals.add(request)
    with world.begin() as work:
        work.approvals.sweep(world.at + FETCH_AGAIN)
    with world.begin() as work:
        results = [work.approvals.find(one.request_id) for one in (ready, fetched, waiting)]
        assert [one and one.result for one in results] == [b"jwe", None, None]
        assert results[2] is not None
        assert results[2].status is ApprovalStatus.EXPIRED
        work.approvals.sweep(world.at + RETENTION)
        kept = work.approvals.find(ready.request_id)
        assert kept is not None
        assert (kept.result, kept.status) == (None, ApprovalStatus.READY)
        work.approvals.sweep(world.at + DAY + KEEP)
        assert work.approvals.find(ready.request_id) is None


def test_erasure_takes_requests_along(partners: PartnerWorld) -> None:
    world = partners.world
    traveller = world.link("person-1").traveller
    mine, other = asked(world, traveller=traveller), asked(world)
    with world.begin() as work:
        work.approvals.add(mine)
        work.approvals.add(other)
        work.approvals.forget(traveller)
    with world.begin() as work:
        assert work.approvals.find(mine.request_id) is None
        assert work.approvals.find(other.request_id) == other


def test_notices_are_taken_by_partner_and_leased(partners: PartnerWorld) -> None:
    world = partners.world
    with world.begin() as work:
        for number in range(3):
            for partner_id in (BANK, SHOP):
                work.partner_events.enqueue(
                    partner_id, "grant.revoked", {"n": number}, at=world.at, entropy=world.entropy
                )
    with world.begin() as work:
        taken = work.partner_events.take_due(world.at, partners=1, each=2)
        assert len(taken) == 2
        assert len({event.partner_id for event in taken}) == 1
        work.partner_events.delivered(taken[0].event_id, outcome="202", at=world.at)
        work.partner_events.failed(taken[1].event_id, outcome="500", again_at=world.at + DAY)
    with world.begin() as work:
        rest = work.partner_events.take_due(world.at, partners=8, each=9)
        assert len(rest) == 4
        assert not {event.event_id for event in taken} & {event.event_id for event in rest}
        assert work.partner_events.take_due(world.at, partners=8, each=9) == []
        again = work.partner_events.take_due(world.at + LEASE, partners=8, each=9)
        assert {event.event_id for event in again} == {event.event_id for event in rest}
        states = {event.state for event in work.partner_events.of(None, state=None, limit=9)}
        assert states == {EventState.DELIVERED, EventState.WAITING}


def test_no_day_has_more_wrong_guesses_than_one(partners: PartnerWorld) -> None:
    """One at the beginning and nine at the end of a day must not make room for ten more a minute later."""
    world, traveller = partners.world, partners.world.link("person-1").traveller
    almost = world.at + DAY - SECOND

    def guess(at: datetime, wrong: int) -> int:
        with world.begin() as work:
            before = work.partners.lock_guesses(BANK, traveller, at=at, window=DAY)
            work.partners.add_guesses(BANK, traveller, wrong, at=at)
        return before

    assert guess(world.at, 1) == 0
    assert guess(almost, 9) == 1
    assert guess(world.at + DAY, 0) == 10
    assert guess(almost + DAY - SECOND, 0) == 10, "a right one prolongs nothing"
    assert guess(almost + DAY, 1) == 0
    assert guess(almost + DAY, 0) == 1


def test_a_sandbox_partner_is_for_a_sandbox_only(world: World) -> None:
    for is_sandbox in (True, False):
        partner = Partner(
            "somebody", NAMES, "x@y.example", "HK", PartnerKind.COMPANY, not is_sandbox, Ceilings(), world.at
        )
        with pytest.raises(InvalidInput), world.begin() as work:
            onboard_partner(work, partner, sandbox=is_sandbox, at=world.at, entropy=world.entropy)
    with world.begin() as work:
        assert work.partners.find("somebody") is None


@pytest.mark.parametrize("new_uri", ["https://new.example/jwks", f"https://{SHOP}.example/jwks", None])
def test_keys_registered_meanwhile_are_not_overwritten_by_the_old_hosts(
    partners: PartnerWorld, new_uri: str | None
) -> None:
    world = partners.world
    old, new, others = ({"keys": [{"kty": "EC", "kid": name}]} for name in ("old", "new", "others"))
    with world.begin() as work:
        for name in (BANK, SHOP):
            work.partners.set_keys(name, jwks_uri=f"https://{name}.example/jwks", jwks=old, at=world.at)

    def fetch(url: str) -> bytes | None:
        if BANK in url:
            return json.dumps(others).encode()
        with world.begin() as work:  # the shop comes first; the bank is not passed over for it
            register_keys(
                work, partner_id=SHOP, jwks_uri=new_uri, key_set=new, at=world.at + AGE + SECOND, entropy=world.entropy
            )
        return json.dumps(old).encode()

    assert refresh_key_sets(world.begin, fetch=fetch, at=world.at + AGE) == 1
    with world.begin() as work:
        bank, shop = work.partners.find(BANK), work.partners.find(SHOP)
    assert bank is not None
    assert shop is not None
    assert (shop.jwks_uri, shop.jwks, bank.jwks) == (new_uri, new, others)


def test_no_further_key_set_is_fetched_once_the_broker_stops(partners: PartnerWorld) -> None:
    world = partners.world
    asked_for: list[str] = []
    with world.begin() as work:
        for name in (BANK, SHOP):
            work.partners.set_keys(name, jwks_uri=f"https://{name}.example/jwks", jwks={"keys": []}, at=world.at)

    def fetch(url: str) -> bytes | None:
        asked_for.append(url)
        return None

    assert refresh_key_sets(world.begin, fetch=fetch, at=world.at + AGE, stop=lambda: bool(asked_for)) == 0
    assert len(asked_for) == 1


def test_published_keys_are_followed_and_an_outage_takes_none_away(partners: PartnerWorld) -> None:
    world = partners.world
    first, second = ({"keys": [{"kty": "EC", "kid": name}]} for name in ("one", "two"))
    uri = "https://harbour-bank.example/jwks"
    with world.begin() as work:
        work.partners.set_keys(BANK, jwks_uri=uri, jwks=first, at=world.at)
    asked_for: list[str] = []

    def fetch(answer: bytes | None) -> Callable[[str], bytes | None]:
        def fetched(url: str) -> bytes | None:
            asked_for.append(url)
            return answer

        return fetched

    good = json.dumps(second).encode()
    assert refresh_key_sets(world.begin, fetch=fetch(good), at=world.at + AGE / 2) == 0
    assert asked_for == [], "a fresh copy is kept"
    private = json.dumps({"keys": [{"kty": "EC", "d": "secret"}]}).encode()
    for bad in (None, b"<html>", b'{"keys": []}', private):
        assert refresh_key_sets(world.begin, fetch=fetch(bad), at=world.at + AGE) == 0
    with world.begin() as work:
        kept = work.partners.find(BANK)
        assert kept is not None
        assert kept.jwks == first
    assert refresh_key_sets(world.begin, fetch=fetch(good), at=world.at + AGE) == 1
    with world.begin() as work:
        kept = work.partners.find(BANK)
        assert kept is not None
        assert (kept.jwks, kept.jwks_at, kept.jwks_uri) == (second, world.at + AGE, uri)
    assert set(asked_for) == {uri}, "keys registered by value are nowhere to be fetched"

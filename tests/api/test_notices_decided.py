"""A notice names the person where the law lets it, and goes out bare where it does not: over PostgreSQL."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from broker.core.authorization import Grant
from broker.core.change_body import Kind
from broker.core.ending import Ending
from broker.core.special_list import key_id, read_entries
from broker.flows.deliver_events import Sent, deliver_batch, take_batches
from broker.flows.end_logins import end_all_logins
from broker.wire.registry import KeyUse
from tests.ports.test_transfers import resident
from tests.support.agency_world import AgencyWorld
from tests.support.change_office import Office
from tests.support.partner_world import BANK, opening
from tests.support.web_world import ISSUER, WebWorld


@dataclass
class Heard:
    """A partner's webhook that fails the first time."""

    tokens: list[dict[str, Any]] = field(default_factory=list)

    def send(self, url: str, token: str) -> Sent:
        self.tokens.append(jwt.decode(token, options={"verify_signature": False}))
        return Sent(accepted=len(self.tokens) > 1, outcome="as the test wants")


@pytest.mark.parametrize(("origin", "kind"), [("HK", "partner:event:told"), ("CN", "partner:event:withheld")])
def test_the_end_of_a_login_arrives_with_or_without_the_person(web: WebWorld, origin: str, kind: str) -> None:
    agencies, heard, world = AgencyWorld(web), Heard(), web.world
    traveller = resident(world, origin)
    with web.client() as http:
        if origin == "HK":
            agencies.for_person(http, traveller, [opening("name")])
        else:  # the token endpoint tells the bank nothing about them; the grant is there from better days
            with web.storage.unit() as unit:
                subject = unit.pairwise_subject(traveller, agencies.clients[BANK].sector, "pairwise")
                unit.add_grant(_grant(agencies, traveller, subject))
    with world.begin() as work:
        end_all_logins(work, traveller, Ending.LOGOUT, at=web.now(), entropy=world.entropy)
    law = {"keys": web.keys, "rulebook": world.rulebook, "signer": world.signers[KeyUse.ANSWER], "issuer": ISSUER}
    for attempt in range(2):
        at = web.now() + timedelta(hours=attempt)
        for batch in take_batches(world.begin, at=at):
            deliver_batch(world.begin, batch, sender=heard, clock=lambda at=at: at, entropy=world.entropy, **law)
    first, second = heard.tokens
    assert first["events"] == second["events"]
    (body,) = first["events"].values()
    assert set(body) == {"grants", "reason"}
    assert ("sub_id" in first, "sub_id" in second) == (origin == "HK", origin == "HK")
    # Decided once, however often it is sent.
    assert [use.kind for use in agencies.partners.journal(traveller)].count(kind) == 1


def test_a_notice_nobody_can_decide_about_goes_out_bare(web: WebWorld) -> None:
    """The key of a list that stands is gone: nobody can say whether the person is on it."""
    agencies, heard, world = AgencyWorld(web), Heard(), web.world
    traveller = resident(world, "HK")
    with web.client() as http:
        agencies.for_person(http, traveller, [opening("name")])
    office = Office(world)
    entries = read_entries("hkid,A1234563,current", Kind.SPECIAL_IDENTITY)
    listed = office.adopt(Kind.SPECIAL_IDENTITY, entries=entries)
    web.keys.destroy(key_id(listed.change_id))
    assert listed.in_force_at is not None
    at = listed.in_force_at + timedelta(minutes=1)
    with world.begin() as work:
        end_all_logins(work, traveller, Ending.LOGOUT, at=at, entropy=world.entropy)
    law = {"keys": web.keys, "rulebook": world.rulebook, "signer": world.signers[KeyUse.ANSWER], "issuer": ISSUER}
    for batch in take_batches(world.begin, at=at):
        deliver_batch(world.begin, batch, sender=heard, clock=lambda: at, entropy=world.entropy, **law)
    (told,) = heard.tokens
    assert "sub_id" not in told
    (body,) = told["events"].values()
    assert set(body) == {"grants", "reason"}


def _grant(agencies: AgencyWorld, traveller: UUID, subject: str) -> Grant:
    return replace(agencies.partners.grant(traveller, [], [], uuid4()), subject=subject)

"""Each way a grant can end is told to its partner, once, in the work of what ended it (specs/webhooks.md 1)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from broker.core.authorization import Grant, LoginSession
from broker.core.denial import Denied, InvalidInput
from broker.core.ending import Ending, GrantsOf, SessionsOf
from broker.flows.confirm_identity import confirm_identity
from broker.flows.end_grant import end_grant
from broker.flows.end_logins import end_grants, end_sessions
from broker.flows.erase import erase
from broker.flows.suspend_partner import end_partner_grants, resume_partner, suspend_partner
from broker.flows.take_notice import take_notice
from broker.flows.unlink_identity import unlink_identity
from broker.wire.approval_connector import ProviderNotice, Withdrawal
from broker.wire.registry import KeyUse
from tests.support.arrivals import arrival
from tests.support.broker_world import LINK_SECRET, World
from tests.support.partner_world import BANK, SHOP, PartnerWorld, client_of

BROWSER = b"b" * 32
SESSION = b"s" * 32


class Stage:
    """A person of two identities, logged in at iAM Smart, with one grant of BANK's client."""

    def __init__(self, world: World) -> None:
        self.world, self.partners = world, PartnerWorld(world)
        self.traveller = world.arrive(arrival(world, "iamsmart", "chan")).traveller  # type: ignore[union-attr]
        world.arrive(arrival(world, "macau", "chan-mo"), onto=self.traveller)
        self.session_id = uuid4()
        with world.begin() as work:
            for partner_id in (BANK, SHOP):
                work.clients.add(client_of(world, partner_id))
            until = world.at + timedelta(hours=1)
            work.logins.add_session(  # type: ignore[attr-defined]
                LoginSession(
                    SESSION, self.traveller, "iamsmart", "high", world.at, world.at, until, (), self.session_id
                )
            )
        self.grant = self.granted()

    def granted(self, **change: Any) -> Grant:
        made = self.partners.grant(self.traveller, [], [], uuid4())
        made = replace(made, **{"session_id": self.session_id, "subject": "bank-knows-them-so", **change})
        with self.world.begin() as work:
            work.logins.add_grant(made)  # type: ignore[attr-defined]
        return made

    def do(self, act: Callable[..., Any], **arguments: Any) -> Any:
        with self.world.begin() as work:
            return act(work, at=self.world.at, entropy=self.world.entropy, **arguments)

    def stands(self, grant: Grant) -> bool:
        with self.world.begin() as work:
            found = work.logins.grant(grant.grant_id)
        return found is not None and found.revoked_at is None


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


def _unlinked(stage: Stage) -> None:
    with stage.world.begin() as work:
        link_id = next(link.link_id for link in work.identities.of(stage.traveller) if link.provider == "iamsmart")
    done = stage.do(unlink_identity, keys=stage.world.keys, traveller=stage.traveller, link_id=link_id)
    assert not isinstance(done, Denied)


def _withdrawn(stage: Stage) -> None:
    told = ProviderNotice("n", "withdrawal", Withdrawal("https://iamsmart.example", "chan"))
    assert stage.do(
        take_notice, keys=stage.world.keys, link_secret=LINK_SECRET, provider="iamsmart", notice=told, approvals=None
    )


def _replaced_identity(stage: Stage) -> None:
    """The provider calls the person by another name, which they confirm in a session of their other identity."""
    held = stage.world.arrive(arrival(stage.world, "iamsmart", "chan-anew"), browser=BROWSER).held  # type: ignore[union-attr]
    done = stage.do(
        confirm_identity, keys=stage.world.keys, traveller=stage.traveller, held_id=held.held_id, browser=BROWSER,
        auth_time=stage.world.at,
    )  # fmt: skip
    assert not isinstance(done, Denied)


def _erased(stage: Stage) -> None:
    stage.do(erase, status_signer=stage.world.signers[KeyUse.STATUS], traveller=stage.traveller)


def _logged_out(stage: Stage) -> None:
    stage.do(end_sessions, whose=SessionsOf(session_hash=SESSION), ending=Ending.LOGOUT)


def _logged_out_everywhere(stage: Stage) -> None:
    stage.do(end_sessions, whose=SessionsOf(traveller=stage.traveller), ending=Ending.LOGOUT)


def _somebody_else_came(stage: Stage) -> None:
    stage.do(end_sessions, whose=SessionsOf(session_hash=SESSION), ending=Ending.REPLACED)


def _given_back(stage: Stage) -> None:
    assert stage.do(end_grant, keys=stage.world.keys, grant_id=stage.grant.grant_id, client_id=stage.grant.client_id)


def _copied(stage: Stage) -> None:
    stage.do(end_grants, whose=GrantsOf(grants=[stage.grant.grant_id]), ending=Ending.REUSE)


def _ended_by_the_operator(stage: Stage) -> None:
    assert stage.do(end_partner_grants, partner_id=BANK) == 1


@pytest.mark.parametrize(
    ("ends", "name", "reason"),
    [
        (_unlinked, "session.revoked", "identity_unlinked"),
        (_withdrawn, "session.revoked", "identity_withdrawn"),
        (_replaced_identity, "session.revoked", "identity_replaced"),
        (_erased, "session.revoked", "erased"),
        (_logged_out, "session.revoked", "logout"),
        (_logged_out_everywhere, "session.revoked", "logout"),
        (_somebody_else_came, "session.revoked", "replaced"),
        (_given_back, "grant.revoked", "returned"),
        (_copied, "grant.revoked", "reuse"),
        (_ended_by_the_operator, "grant.revoked", "operator"),
    ],
)  # fmt: skip
def test_whoever_held_the_grant_is_told_why_it_ended(
    stage: Stage, ends: Callable[[Stage], None], name: str, reason: str
) -> None:
    ends(stage)
    assert not stage.stands(stage.grant)
    [(told, body)] = stage.partners.events()
    assert (told, body["grants"], body["reason"]) == (name, [str(stage.grant.grant_id)], reason)
    assert stage.partners.events(SHOP) == []


def test_what_lasts_beyond_a_session_ends_with_the_identity(stage: Stage) -> None:
    """And not with the session: offline access was given for it."""
    lasting = stage.granted(scopes=frozenset({"openid", "offline_access"}))
    _logged_out(stage)
    assert stage.stands(lasting)
    _withdrawn(stage)
    assert not stage.stands(lasting)
    assert sorted(body["reason"] for _, body in stage.partners.events()) == ["identity_withdrawn", "logout"]


def test_a_grant_that_ran_out_is_no_news_and_nobody_is_told_twice(stage: Stage) -> None:
    old = stage.granted(expires_at=stage.world.at)
    _logged_out_everywhere(stage)
    _withdrawn(stage)
    assert not stage.stands(old)
    assert len(stage.partners.events()) == 1


def test_a_work_that_fails_ends_nothing_and_tells_nobody(stage: Stage) -> None:
    with pytest.raises(RuntimeError), stage.world.begin() as work:
        whose = GrantsOf(traveller=stage.traveller)
        end_grants(work, whose, Ending.REUSE, at=stage.world.at, entropy=stage.world.entropy)
        raise RuntimeError
    assert stage.stands(stage.grant)
    assert stage.partners.events() == []


def test_another_persons_grants_stand(stage: Stage) -> None:
    other = stage.granted(traveller_id=uuid4(), session_id=uuid4())
    for ends in (_logged_out_everywhere, _withdrawn, _erased):
        ends(stage)
    assert stage.stands(other)


def test_a_suspension_is_told_once_and_ends_nothing_by_itself(stage: Stage) -> None:
    for act in (suspend_partner, suspend_partner, resume_partner):
        stage.do(act, partner_id=BANK)
    assert sorted(name for name, _ in stage.partners.events()) == ["partner.resumed", "partner.suspended"]
    assert stage.stands(stage.grant)


def test_the_operator_ends_the_grants_of_one_client(stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.do(end_partner_grants, partner_id=BANK, clients=[f"{SHOP}-client"])
    assert stage.do(end_partner_grants, partner_id=SHOP, clients=[f"{SHOP}-client"]) == 0
    assert stage.stands(stage.grant)
    assert stage.do(end_partner_grants, partner_id=BANK, clients=[f"{BANK}-client"]) == 1


def test_saying_nothing_ends_nothing() -> None:
    for make in (GrantsOf, SessionsOf):
        with pytest.raises(ValueError, match="say which"):
            make()

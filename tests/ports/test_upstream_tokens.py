"""Upstream tokens: sealed, refreshed in time and by one caller, never another provider's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from broker.core.linking import Linked
from broker.core.sealing import SealBroken
from broker.flows.upstream_tokens import EARLY, usable_tokens
from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.upstream_tokens import UpstreamTokens
from tests.support.arrivals import arrival, upstream_tokens
from tests.support.broker_world import World


@dataclass
class Renewing:
    """A connector that renews; `fault` makes it fail, `before` runs while it is asked."""

    world: World
    provider: str = "macau"
    fault: ProviderFault | None = None
    asked: list[UpstreamTokens] = field(default_factory=list)
    before: object = None

    def refresh(self, tokens: UpstreamTokens, *, at: datetime) -> UpstreamTokens:
        self.asked.append(tokens)
        if callable(self.before):
            self.before()
        if self.fault is not None:
            raise ConnectorError(self.provider, self.fault, "as told")
        return upstream_tokens(self.world, self.provider, str(1 + len(self.asked)))


def _person(world: World) -> UUID:
    outcome = world.arrive(arrival(world, "macau", "chan", tokens=True))
    assert isinstance(outcome, Linked)
    return outcome.traveller


def _use(world: World, traveller: UUID, connector: Renewing | None, provider: str = "macau") -> UpstreamTokens | None:
    return usable_tokens(
        world.begin, keys=world.keys, provider=provider, connector=connector, traveller=traveller, at=world.at,
        entropy=world.entropy,
    )  # fmt: skip


def test_fresh_tokens_are_used_as_they_are(world: World) -> None:
    connector = Renewing(world)
    tokens = _use(world, _person(world), connector)
    assert tokens is not None
    assert tokens.access_token == "access-macau-1"
    assert not connector.asked
    assert "access-macau-1" not in repr(tokens)


def test_tokens_are_refreshed_before_they_expire_and_kept(world: World) -> None:
    traveller, connector = _person(world), Renewing(world)
    world.at += timedelta(hours=1) - EARLY
    renewed = _use(world, traveller, connector)
    assert renewed is not None
    assert renewed.access_token == "access-macau-2"
    assert connector.asked[0].refresh_token == "refresh-macau-1"
    assert _use(world, traveller, connector) == renewed
    assert len(connector.asked) == 1


def test_while_one_refreshes_the_others_use_what_still_holds(world: World) -> None:
    traveller = _person(world)
    meanwhile: list[UpstreamTokens | None] = []
    second = Renewing(world)
    connector = Renewing(world, before=lambda: meanwhile.append(_use(world, traveller, second)))
    world.at += timedelta(hours=1) - EARLY
    _use(world, traveller, connector)
    assert not second.asked
    assert [tokens.access_token for tokens in meanwhile if tokens] == ["access-macau-1"]


def test_while_one_refreshes_expired_tokens_the_others_are_told_to_come_back(world: World) -> None:
    traveller = _person(world)
    second, told = Renewing(world), []

    def meanwhile() -> None:
        with pytest.raises(ConnectorError) as busy:
            _use(world, traveller, second)
        told.append(busy.value.fault)

    world.at += timedelta(hours=2)
    assert _use(world, traveller, Renewing(world, before=meanwhile)) is not None
    assert told == [ProviderFault.UNREACHABLE]
    assert not second.asked


def test_a_refresher_that_died_is_followed_by_another(world: World) -> None:
    traveller = _person(world)
    world.at += timedelta(hours=2)
    with pytest.raises(ConnectorError):
        _use(world, traveller, Renewing(world, fault=ProviderFault.UNREACHABLE))
    world.at += timedelta(seconds=31)
    assert _use(world, traveller, Renewing(world)) is not None


def test_refused_tokens_are_destroyed(world: World) -> None:
    traveller = _person(world)
    world.at += timedelta(hours=2)
    assert _use(world, traveller, Renewing(world, fault=ProviderFault.REFUSED)) is None
    with world.begin() as work:
        assert work.tokens.find(traveller, "macau") is None


def test_tokens_without_a_way_to_renew_serve_until_they_expire(world: World) -> None:
    traveller = _person(world)
    world.at += timedelta(minutes=59)
    assert _use(world, traveller, None) is not None
    world.at += timedelta(minutes=1)
    assert _use(world, traveller, None) is None


def test_what_was_destroyed_during_a_refresh_stays_destroyed(world: World) -> None:
    traveller = _person(world)

    def unlinked() -> None:
        with world.begin() as work:
            work.tokens.destroy(traveller, "macau")

    world.at += timedelta(hours=2)
    _use(world, traveller, Renewing(world, before=unlinked))
    with world.begin() as work:
        assert work.tokens.find(traveller, "macau") is None


def test_one_providers_tokens_never_reach_another(world: World) -> None:
    """Not by asking, not by a row put under the wrong name, not by a connector of the wrong provider."""
    traveller, connector = _person(world), Renewing(world, provider="iamsmart")
    assert _use(world, traveller, connector, provider="iamsmart") is None
    with world.begin() as work:
        sealed = work.tokens.find(traveller, "macau")
        assert sealed is not None
        assert b"access" not in sealed
        work.tokens.keep(traveller, "iamsmart", sealed, expires_at=None)
    with pytest.raises(SealBroken):
        _use(world, traveller, connector, provider="iamsmart")
    world.at += timedelta(hours=2)
    with pytest.raises(ConnectorError):
        _use(world, traveller, connector, provider="macau")
    assert not connector.asked


def test_one_persons_tokens_do_not_open_for_another(world: World) -> None:
    traveller = _person(world)
    other = world.link("person-2").traveller
    with world.begin() as work:
        sealed = work.tokens.find(traveller, "macau")
        assert sealed is not None
        work.tokens.keep(other, "macau", sealed, expires_at=None)
    with pytest.raises(SealBroken):
        _use(world, other, None)

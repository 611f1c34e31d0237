"""Tokens of Macau One Account: renewed, kept to their provider, dead when reused or withdrawn."""

from datetime import timedelta

import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.upstream_tokens import UpstreamTokens
from tests.support.macau_world import NOW, MacauWorld


def _tokens(macau: MacauWorld) -> UpstreamTokens:
    tokens = macau.login().tokens
    assert tokens is not None
    return tokens


def _dead(macau: MacauWorld, tokens: UpstreamTokens) -> None:
    with pytest.raises(ConnectorError) as caught:
        macau.connector.refresh(tokens, at=macau.clock.at)
    assert caught.value.fault is ProviderFault.REFUSED


def test_tokens_are_renewed(macau: MacauWorld) -> None:
    first = _tokens(macau)
    assert first.expires_at == NOW + timedelta(minutes=5)
    macau.clock.forward(days=20)
    second = macau.connector.refresh(first, at=macau.clock.at)
    assert second.access_token != first.access_token
    assert second.refresh_token not in (None, first.refresh_token)
    assert (second.open_id, second.scope) == (first.open_id, first.scope)
    assert second.expires_at == macau.clock.at + timedelta(minutes=5)


def test_a_refresh_token_used_again_kills_its_family(macau: MacauWorld) -> None:
    first = _tokens(macau)
    second = macau.connector.refresh(first, at=NOW)
    _dead(macau, first)
    _dead(macau, second)


def test_refresh_tokens_end(macau: MacauWorld) -> None:
    tokens = _tokens(macau)
    macau.clock.forward(days=31)
    _dead(macau, tokens)


def test_another_providers_tokens_never_leave(macau: MacauWorld) -> None:
    foreign = _tokens(macau).model_copy(update={"provider": "ctid"})
    asked = len(macau.spoiler.asked)
    _dead(macau, foreign)
    assert len(macau.spoiler.asked) == asked


def test_nothing_shows_a_token(macau: MacauWorld) -> None:
    tokens = _tokens(macau)
    for secret in (tokens.access_token, tokens.refresh_token or "", tokens.open_id or ""):
        assert secret not in repr(tokens)

"""Signed JWTs of others: one spelling each, and nothing in them that no database or UTF-8 text can hold."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.oidc import jws
from broker.oidc.keys import TokenKey

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _token(claims: dict[str, Any]) -> str:
    return TokenKey.of(ec.generate_private_key(ec.SECP256R1())).sign(claims, typ="at+jwt")


def test_a_token_has_one_spelling() -> None:
    token = _token({"n": 1})
    assert jws.parse(token, limit=4096).claims == {"n": 1}
    others = [token[:-1] + last for last in _ALPHABET if last != token[-1] and _same(token[-1], last)]
    assert len(others) == 15  # 64 bytes leave four bits of the last character over
    for other in others:
        with pytest.raises(jws.MalformedJws):
            jws.parse(other, limit=4096)


def _same(one: str, other: str) -> bool:
    """Whether both end the same 64 bytes."""
    return _ALPHABET.index(one) >> 4 == _ALPHABET.index(other) >> 4

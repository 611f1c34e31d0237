"""The token keys: read again without a restart, published ahead, believed afterwards, never at anybody's pleasure."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.oidc.keys import KeyRing, TokenKey, TokenKeys


def _key() -> TokenKey:
    return TokenKey.of(ec.generate_private_key(ec.SECP256R1()))


class _Files:
    def __init__(self) -> None:
        self.keys = [_key(), _key()]
        self.reads = 0
        self.broken = False
        self.now = 100.0

    def read(self) -> KeyRing:
        self.reads += 1
        if self.broken:
            raise OSError("damaged")
        *retired, current, ahead = self.keys
        return KeyRing.of(current, ahead=[ahead.public_key], retired=[key.public_key for key in retired])

    def rotate(self) -> None:
        self.keys.append(_key())

    def ring(self) -> TokenKeys:
        return TokenKeys(self.read, monotonic=lambda: self.now)


@pytest.fixture
def files() -> _Files:
    return _Files()


def test_a_rotation_is_noticed_without_a_restart(files: _Files) -> None:
    keys = files.ring()
    first = keys.current.kid
    files.rotate()
    assert keys.current.kid == first
    files.now += 5.1
    assert keys.current.kid == files.keys[1].kid != first
    assert [jwk["kid"] for jwk in keys.ring.published] == [files.keys[1].kid, files.keys[2].kid, first]


def test_tokens_of_both_keys_verify_across_a_rotation(files: _Files) -> None:
    keys = files.ring()
    old = keys.current.sign({"n": 1}, typ="at+jwt")
    files.rotate()
    ahead = files.keys[1].sign({"n": 2}, typ="at+jwt")  # another worker has noticed already
    assert keys.verified(ahead, typ="at+jwt") == {"n": 2}
    files.now += 6
    assert keys.verified(old, typ="at+jwt") == {"n": 1}


def test_an_unknown_key_makes_it_look_again_but_not_for_every_stranger(files: _Files) -> None:
    keys = files.ring()
    files.rotate()
    files.rotate()
    token = files.keys[3].sign({"n": 3}, typ="at+jwt")
    files.now += 0.6
    assert keys.verified(token, typ="at+jwt") == {"n": 3}
    reads = files.reads
    for _ in range(50):
        assert keys.verified(_key().sign({"n": 4}, typ="at+jwt"), typ="at+jwt") is None
    assert files.reads == reads


def test_a_damaged_file_leaves_the_keys_in_memory(files: _Files) -> None:
    keys = files.ring()
    files.broken = True
    files.now += 6
    assert keys.current.kid == files.keys[0].kid


_Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: token + ".x",
        lambda token: "." + token,
        lambda token: token.replace(".", ""),
        lambda token: token + "=",
        lambda token: "é" + token,
        lambda token: token[:40] + "\n" + token[40:],
        lambda token: "e30.e30.AAAA",
        lambda token: "",
    ],
)
def test_anything_else_is_nothing(files: _Files, change: _Change) -> None:
    keys = files.ring()
    token = keys.current.sign({"n": 1}, typ="at+jwt")
    assert keys.verified(token, typ="at+jwt") == {"n": 1}
    assert keys.verified(token, typ="JWT") is None
    assert keys.verified(change(token), typ="at+jwt") is None


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="P-256"):
        TokenKey.of(ec.generate_private_key(ec.SECP384R1()))

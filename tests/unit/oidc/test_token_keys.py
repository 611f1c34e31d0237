"""The token keys: read again without a restart, published ahead, believed afterwards, never at anybody's pleasure."""

from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from broker.oidc.keys import KeyRing, TokenKey, TokenKeys
from tests.support.rsa_keys import rsa_private_key


def _key() -> TokenKey:
    return TokenKey.of(ec.generate_private_key(ec.SECP256R1()))


class _Files:
    def __init__(self) -> None:
        self.keys = [_key(), _key()]
        self.reads = 0
        self.broken = False
        self.published_afterwards = 8
        self.now = 100.0

    def read(self) -> KeyRing:
        self.reads += 1
        if self.broken:
            raise OSError("damaged")
        *before, current, ahead = self.keys
        split = max(len(before) - self.published_afterwards, 0)
        former, retired = ([key.public_key for key in keys] for keys in (before[:split], before[split:]))
        return KeyRing.of(current, ahead=[ahead.public_key], retired=retired, former=former)

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


def test_a_key_out_of_the_key_set_vouches_for_id_token_hints_alone(files: _Files) -> None:
    """Whoever gets hold of it long afterwards makes no access token that counts."""
    keys, former = files.ring(), files.keys[0]
    made = {typ: former.sign({"n": 1}, typ=typ) for typ in ("at+jwt", "JWT", "logout+jwt")}
    assert keys.verified(made["at+jwt"], typ="at+jwt") == {"n": 1}
    files.published_afterwards = 0
    files.rotate()
    files.now += 6
    assert former.kid not in [jwk["kid"] for jwk in keys.ring.published]
    for typ, token in made.items():
        assert keys.verified(token, typ=typ) is None
    assert keys.verified_hint(made["JWT"]) == {"n": 1}
    assert keys.verified(made["JWT"], typ="JWT") is None  # nor because it was a good hint before
    assert keys.verified_hint(made["at+jwt"]) is None


def test_an_unknown_key_makes_it_look_again_but_not_for_every_stranger(files: _Files) -> None:
    keys = files.ring()
    files.rotate()
    files.rotate()
    token = files.keys[3].sign({"n": 3}, typ="at+jwt")
    files.now += 1.9
    assert keys.verified(token, typ="at+jwt") is None
    files.now += 0.2
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


def _with_rsa() -> TokenKeys:
    return TokenKeys.fixed(_key(), rsa=TokenKey.of(rsa_private_key()))


def test_an_rsa_key_signs_only_what_was_asked_for() -> None:
    keys = _with_rsa()
    assert (keys.current.alg, keys.ring.signer(None).alg, keys.ring.signer("RS256").alg) == ("ES256", "ES256", "RS256")
    token = keys.ring.signer("RS256").sign({"n": 1}, typ="JWT")
    assert keys.verified(token, typ="JWT") == {"n": 1}
    published = {jwk["kid"]: jwk for jwk in keys.ring.published}
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "RS256"
    jwk = published[header["kid"]]
    assert {name: jwk[name] for name in ("kty", "alg", "use")} == {"kty": "RSA", "alg": "RS256", "use": "sig"}
    assert set(jwk) == {"kty", "n", "e", "kid", "alg", "use"}
    assert jwt.decode(token, jwt.PyJWK(jwk).key, algorithms=["RS256"]) == {"n": 1}
    with pytest.raises(LookupError):
        TokenKeys.fixed(_key()).ring.signer("RS256")
    with pytest.raises(LookupError):
        keys.ring.signer("none")


def test_the_algorithm_is_the_keys_and_never_the_headers() -> None:
    keys = _with_rsa()
    rsa = keys.ring.signer("RS256")
    for claimed in ("PS256", "ES256"):
        forged = jwt.encode(
            {"n": 1}, rsa.private_key if claimed == "PS256" else keys.current.private_key, algorithm=claimed,
            headers={"typ": "JWT", "kid": rsa.kid},
        )  # fmt: skip
        assert keys.verified(forged, typ="JWT") is None


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(ValueError, match="3072"):
        TokenKey.of(generate_private_key(65537, 2048))

"""FAPI 2.0 Security Profile, profile fapi2: DPoP proofs at the protected resource (RFC 9449 4.3)."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from json import dumps
from typing import Any

import jwt as pyjwt

from tests.conformance.modules import fapi2
from tests.support.relying_party import RelyingParty
from tests.support.sandbox_world import ISSUER
from tests.support.wallet_client import DpopKey

_ES256 = pyjwt.algorithms.ECAlgorithm(pyjwt.algorithms.ECAlgorithm.SHA256)
USERINFO = f"{ISSUER}/oauth/userinfo"
Make = Callable[[RelyingParty, str], str | list[str]]


def _made(change: dict[str, Any] | None = None, header: dict[str, Any] | None = None) -> Make:
    """A good proof but for these claims and header members; None leaves a claim out."""

    def make(client: RelyingParty, token: str) -> str:
        claims = {"nonce": client.nonce, "access_token": token} | (change or {})
        return client.dpop.proof("GET", USERINFO, header=header, **claims)

    return make


def _at(seconds: int) -> Make:
    return lambda client, token: _made({"iat": int(client.world.clock.seconds()) + seconds})(client, token)


def _without(member: str) -> Make:
    """A header without that member, signed as it is: nothing else is wrong."""

    def make(client: RelyingParty, token: str) -> str:
        proof = _made()(client, token)
        assert isinstance(proof, str)
        header = pyjwt.get_unverified_header(proof)
        del header[member]
        signed = f"{_b64(dumps(header).encode())}.{proof.split('.')[1]}"
        return f"{signed}.{_b64(_ES256.sign(signed.encode(), client.dpop._private))}"

    return make


def _broken_signature(client: RelyingParty, token: str) -> str:
    proof = _made()(client, token)
    assert isinstance(proof, str)
    head, body, signature = proof.split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def _unsigned(client: RelyingParty, token: str) -> str:
    proof = _made()(client, token)
    assert isinstance(proof, str)
    header = pyjwt.get_unverified_header(proof) | {"alg": "none"}
    return f"{_b64(dumps(header).encode())}.{proof.split('.')[1]}."


def _with_private_key(client: RelyingParty, token: str) -> str:
    private = dict(client.dpop._key.as_dict(private=True))
    make = _made(header={"jwk": private})
    proof = make(client, token)
    assert isinstance(proof, str)
    return proof


def _by_another_key(client: RelyingParty, token: str) -> str:
    other = DpopKey(client.world.clock.seconds)
    return other.proof("GET", USERINFO, nonce=client.nonce, access_token=token)


def _twice(client: RelyingParty, token: str) -> list[str]:
    first, second = _made()(client, token), _made()(client, token)
    assert isinstance(first, str)
    assert isinstance(second, str)
    return [first, second]


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


REFUSED: dict[str, Make] = {
    "no proof": lambda client, token: [],
    "two proofs": _twice,
    "not a JWT": lambda client, token: "not.a.jwt.at.all",
    "no typ": _without("typ"),
    "another typ": _made(header={"typ": "jwt"}),
    "no alg": _without("alg"),
    "no jwk": _without("jwk"),
    "no jti": _made({"jti": None}),
    "no htm": _made({"htm": None}),
    "no htu": _made({"htu": None}),
    "no iat": _made({"iat": None}),
    "no ath": _made({"ath": None}),
    "alg none": _unsigned,
    "another signature": _broken_signature,
    "a private key in the header": _with_private_key,
    "another method": _made({"htm": "PUT"}),
    "another address": _made({"htu": f"{ISSUER}/oauth/token"}),
    "another host": _made({"htu": "https://evil.example/oauth/userinfo"}),
    "made in an hour": _at(3600),
    "made an hour ago": _at(-3600),
    "another access token": _made({"ath": _b64(b"\0" * 32)}),
    "another key": _by_another_key,
    "no nonce of ours": _made({"nonce": "guess"}),
}
CODES = {"another key": "invalid_token", "no nonce of ours": "use_dpop_nonce"}
"""RFC 6750 3.1, RFC 9449 9; `invalid_dpop_proof` (7.1) for all others."""
ACCEPTED: dict[str, Make] = {
    "as it should be": _made(),
    "htu with query and fragment": _made({"htu": f"{USERINFO}?a=b#c"}),
    "htu in another spelling": _made({"htu": "HTTPS://BROKER.example:443/oauth/userinfo"}),
    "members nobody knows": _made({"extra": "claim"}, {"extra": "header"}),
}


@fapi2("dpop-negative-tests", note="an `iat` an hour off is refused even beside our nonce; the suite only warns")
def test_dpop_negative_tests(agency: RelyingParty) -> None:
    tokens = agency.tokens()
    assert agency.userinfo(tokens.access_token).status_code == 200
    for what, make in REFUSED.items():
        answer = agency.userinfo(tokens.access_token, proof=make(agency, tokens.access_token))
        assert answer.status_code == 401, what
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith("DPoP"), what
        assert f'error="{CODES.get(what, "invalid_dpop_proof")}"' in challenge, (what, challenge)
    for what, make in ACCEPTED.items():
        answer = agency.userinfo(tokens.access_token, proof=make(agency, tokens.access_token))
        assert answer.status_code == 200, (what, answer.text)
    # The same proof a second time (RFC 9449 11.1).
    proof = _made()(agency, tokens.access_token)
    assert agency.userinfo(tokens.access_token, proof=proof).status_code == 200
    assert agency.userinfo(tokens.access_token, proof=proof).status_code == 401
    # A bearer presentation of a bound token (RFC 9449 7.2).
    assert agency.userinfo(tokens.access_token, scheme="Bearer", proof=proof).status_code == 401


def test_the_header_name_is_written_anyhow(agency: RelyingParty) -> None:
    """RFC 9449 4.1 (first step of the same module)."""
    tokens = agency.tokens()
    proof = agency.dpop.proof("GET", USERINFO, nonce=agency.nonce, access_token=tokens.access_token)
    headers = {"AUTHORIZATION": f"DPoP {tokens.access_token}", "DPOP": proof}
    assert agency.api.get("/oauth/userinfo", headers=headers).status_code == 200

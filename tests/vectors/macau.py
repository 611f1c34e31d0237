"""Writes specs/vectors/macau.json: `python -m tests.vectors.macau`. Keys and random bytes come from names, signatures
are deterministic (RFC 6979), so the file comes out the same each time. The envelope is built here on the primitives,
apart from both the mock's library and the connector's reader.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tests.support.wallet_client import b64url
from tests.vectors.loader import DIRECTORY

FILE: Final = DIRECTORY / "macau.json"
NOW: Final = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECONDS: Final = int(NOW.timestamp())
ISSUER, BUREAU, DEPARTMENT = "https://conta.example.mo", "https://conta.example.mo/bureau", "tongguan"
ASKED: Final = ["nome", "documento", "data_nascimento", "fotografia"]
PURPOSE: Final = "登入通關"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Json = dict[str, Any]


def key(name: str) -> ec.EllipticCurvePrivateKey:
    scalar = int.from_bytes(sha256(b"tongguan macau vector key " + name.encode()).digest(), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def jwk(name: str, *, private: bool = False, **more: Any) -> Json:
    numbers = key(name).private_numbers()
    public = numbers.public_numbers
    found = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(public.x.to_bytes(32, "big")),
        "y": b64url(public.y.to_bytes(32, "big")),
    }
    return found | ({"d": b64url(numbers.private_value.to_bytes(32, "big"))} if private else {}) | more


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def signed(claims: Json, *, typ: str = "pacote+jwt", kid: str = "bureau-1", by: str | None = None) -> str:
    """A compact JWS, ES256."""
    head = b64url(compact({"alg": "ES256", "typ": typ, "kid": kid})) + "." + b64url(compact(claims))
    der = key(by or kid).sign(head.encode(), ec.ECDSA(SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(der)
    return f"{head}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def sealed(text: str, kids: list[str], *, protected: bytes = b'{"enc":"A256GCM","cty":"pacote+jwt"}') -> Json:
    """RFC 7516 7.2.1 with ECDH-ES+A256KW."""
    content_key, iv = (sha256(f"macau {what} {text}".encode()).digest() for what in ("cek", "iv"))
    iv = iv[:12]
    recipients = []
    for kid in kids:
        ephemeral = f"ephemeral for {kid}"
        shared = key(ephemeral).exchange(ec.ECDH(), key(kid).public_key())
        name = b"ECDH-ES+A256KW"
        other = len(name).to_bytes(4, "big") + name + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
        wrapped = aes_key_wrap(ConcatKDFHash(SHA256(), 32, other).derive(shared), content_key)
        header = {"alg": "ECDH-ES+A256KW", "kid": kid, "epk": jwk(ephemeral)}
        recipients.append({"header": header, "encrypted_key": b64url(wrapped)})
    associated = b64url(protected)
    out = AESGCM(content_key).encrypt(iv, text.encode(), associated.encode())
    return {
        "protected": associated,
        "recipients": recipients,
        "iv": b64url(iv),
        "ciphertext": b64url(out[:-16]),
        "tag": b64url(out[-16:]),
    }


CLAIMS: Final[Json] = {
    "iss": BUREAU,
    "sub": "7c0b6a1d9f3e4c5ab2d8e6f1a0b9c8d7",
    "aud": ["tongguan", "dsf"],
    "iat": SECONDS,
    "exp": SECONDS + 300,
    "jti": "vector-1",
    "txn": "txn-1",
    "finalidade": PURPOSE,
    "campos": ["nome", "documento", "data_nascimento"],
    "dados": {
        "apelido": "de Sousa Exemplo",
        "nome": "Mário",
        "nome_chines": "蘇示例",
        "documento": {"tipo": "BIR", "numero": "1000001(2)", "validade": "31/12/2039"},
        "data_nascimento": "12/04/1985",
    },
}
KIDS: Final = ["dsf-1", "tongguan-1"]


def _case(name: str, why: str, given: Json, *, ok: Json | None = None, reason: str | None = None, **more: Any) -> Json:
    return {"name": name, "why": why, **more, "input": given, "expect": {"ok": ok} if ok else {"reason": reason}}


def packets() -> Iterator[Json]:
    """`profile: true`: a case that only this profile refuses; RFC 7516 alone would let it pass."""
    good = signed(CLAIMS)

    def given(packet: Json, at: datetime = NOW) -> Json:
        return {"packet": json.dumps(packet), "at": at.isoformat().replace("+00:00", "Z")}

    def changed(**change: Any) -> Json:
        return given(sealed(signed(CLAIMS | change), KIDS))

    ok = {"signed": good, "claims": CLAIMS}
    yield _case("two departments", "each opens its own entry", given(sealed(good, KIDS)), ok=ok)
    yield _case("ours alone", "one entry", given(sealed(good, ["tongguan-1"])), ok=ok)
    yield _case("our older key", "keys rotate with overlap", given(sealed(good, ["tongguan-0"])), ok=ok)
    spaced = b'{ "cty": "pacote+jwt",\n  "enc": "A256GCM" }'
    yield _case(
        "header written with spaces",
        "the associated data is the header's text as received",
        given(sealed(good, KIDS, protected=spaced)),
        ok=ok,
    )
    edge = given(sealed(good, KIDS), NOW + timedelta(seconds=359))
    yield _case("59 s after its end", "60 s of skew", edge, ok=ok)

    theirs = given(sealed(good, ["dsf-1"]))
    yield _case("for another department", "no entry for a key of ours", theirs, reason="misconfigured")
    renamed = sealed(good, ["dsf-1"])
    renamed["recipients"][0]["header"]["kid"] = "tongguan-1"
    yield _case("another department's entry under our name", "it does not unwrap", given(renamed), reason="untrusted")
    for part in ("ciphertext", "tag", "iv"):
        spoiled = sealed(good, KIDS)
        first = spoiled[part][0]
        spoiled[part] = ("A" if first != "A" else "B") + spoiled[part][1:]
        yield _case(f"{part} altered", "authenticated encryption", given(spoiled), reason="untrusted")
    reheaded = sealed(good, KIDS) | {"protected": b64url(spaced)}
    yield _case("header replaced", "the header is authenticated", given(reheaded), reason="untrusted")
    off = sealed(good, KIDS)
    off["recipients"][1]["header"]["epk"]["y"] = b64url(bytes(31) + b"\x01")
    yield _case("epk off the curve", "an invalid point would tell the key", given(off), reason="untrusted")
    extra = sealed(good, KIDS) | {"unprotected": {}}
    yield _case("unprotected header", "not in the profile", given(extra), reason="untrusted", profile=True)
    other = sealed(good, KIDS, protected=b'{"enc":"A256GCM"}')
    yield _case("no cty", "the header is exactly the profile's", given(other), reason="untrusted", profile=True)

    forged = given(sealed(signed(CLAIMS, by="stranger"), KIDS))
    yield _case("signed by a stranger", "the bureau's key signs", forged, reason="untrusted")
    provider = given(sealed(signed(CLAIMS, kid="provider-1"), KIDS))
    yield _case("signed by the provider", "the provider is not the bureau", provider, reason="untrusted")
    retired = given(sealed(signed(CLAIMS, kid="bureau-0"), KIDS))
    yield _case("signed with an expired key", "exp of the published key", retired, reason="untrusted", profile=True)
    typed = given(sealed(signed(CLAIMS, typ="JWT"), KIDS))
    yield _case("typ of another token", "one meaning a signature", typed, reason="untrusted")
    yield _case("sealed anew", "opened by dsf, sealed for us", changed(aud=["dsf"]), reason="untrusted")
    yield _case("another issuer", "iss", changed(iss=ISSUER), reason="untrusted")
    late = given(sealed(good, KIDS), NOW + timedelta(seconds=360))
    yield _case("60 s after its end", "exp", late, reason="untrusted")
    early = given(sealed(good, KIDS), NOW - timedelta(seconds=61))
    yield _case("from the future", "iat", early, reason="untrusted")
    yield _case("more than asked", "campos", changed(campos=[*ASKED, "morada"]), reason="untrusted", profile=True)
    yield _case("another purpose", "finalidade", changed(finalidade="?"), reason="untrusted", profile=True)
    yield _case("no data", "dados", changed(dados=7), reason="garbled", profile=True)


EVENT: Final = "urn:mo:conta-unica:evento:consentimento-retirado"
NOTICE: Final[Json] = {
    "iss": ISSUER,
    "aud": DEPARTMENT,
    "iat": SECONDS,
    "jti": "notice-1",
    "sub": CLAIMS["sub"],
    "events": {EVENT: {"txn": "txn-1"}},
}


def notices() -> Iterator[Json]:
    def given(claims: Json, *, at: datetime = NOW, **more: Any) -> Json:
        token = signed(claims, **{"typ": "secevent+jwt", "kid": "provider-1", **more})
        return {"notice": token, "at": at.isoformat().replace("+00:00", "Z")}

    ok = {"business_id": "notice-1", "kind": "withdrawal", "subject": CLAIMS["sub"]}
    yield _case("withdrawal", "RFC 8417", given(NOTICE), ok=ok)
    week = NOW + timedelta(days=7)
    yield _case("a week late", "an outage of ours loses none", given(NOTICE, at=week), ok=ok)
    yield _case("later than that", "7 days", given(NOTICE, at=week + timedelta(seconds=1)), reason="untrusted")
    yield _case("by the bureau", "the provider's key", given(NOTICE, kid="bureau-1"), reason="untrusted")
    yield _case("typ of an ID token", "typ", given(NOTICE, typ="JWT"), reason="untrusted")
    yield _case("for another client", "aud", given(NOTICE | {"aud": "dsf"}), reason="untrusted")
    unknown = NOTICE | {"events": {"urn:other": {}}}
    yield _case("unknown event", "events", given(unknown), reason="garbled", profile=True)


CLIENT, SECRET, STATE = "tongguan", "the secret: ü %+&", "vector-state"
REDIRECT: Final = "https://broker.example/login/macau/callback"
NONCE, VERIFIER = (sha256(name.encode()).digest() for name in ("vector nonce", "vector verifier"))
ACCESS_TOKEN, REFRESH_TOKEN, CODE = "vector-access", "vector-refresh", "vector-code"


def id_token() -> str:
    """What the provider answers to the vector's code."""
    claims = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": CLAIMS["sub"],
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "auth_time": SECONDS,
        "nonce": b64url(NONCE),
        "acr": "urn:mo:conta-unica:rosto",
        "amr": ["face", "hwk"],
        "at_hash": b64url(sha256(ACCESS_TOKEN.encode()).digest()[:16]),
        "conta": "pessoal",
        "txn": "txn-1",
    }
    return signed(claims, typ="JWT", kid="provider-1")


def requests() -> Iterator[Json]:
    """What the connector sends, to the byte, for a login of `start` and what follows it."""
    pair = f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}"
    basic = "Basic " + b64encode(pair.encode()).decode()
    form_type, json_type = "application/x-www-form-urlencoded", "application/json"

    def request(name: str, why: str, path: str, authorization: str, media_type: str | None, body: str) -> Json:
        sent = {"method": "POST", "url": ISSUER + path, "authorization": authorization, "content_type": media_type}
        return {"name": name, "why": why, **sent, "body": body}

    detail = {
        "type": "urn:mo:conta-unica:pacote",
        "campos": ASKED,
        "departamentos": [DEPARTMENT],
        "finalidade": PURPOSE,
        "conta": "pessoal",
    }
    pushed = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "scope": "openid conta offline_access",
        "state": STATE,
        "nonce": b64url(NONCE),
        "code_challenge": b64url(sha256(b64url(VERIFIER).encode()).digest()),
        "code_challenge_method": "S256",
        "ui_locales": "zh-MO",
        "acr_values": "urn:mo:conta-unica:rosto urn:mo:conta-unica:dispositivo",
        "authorization_details": json.dumps([detail], ensure_ascii=False),
    }
    yield request("pushed request", "RFC 9126 2.1, RFC 9396", "/par", basic, form_type, urlencode(pushed))
    exchange = {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": REDIRECT,
        "code_verifier": b64url(VERIFIER),
    }
    yield request("code for tokens", "RFC 6749 4.1.3, RFC 7636 4.5", "/token", basic, form_type, urlencode(exchange))
    yield request("packet", "specs/macau.md 4", "/packet", f"Bearer {ACCESS_TOKEN}", None, "")
    renewal = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}
    yield request("tokens renewed", "RFC 6749 6", "/token", basic, form_type, urlencode(renewal))
    scan = {"qr": "MO1.vector", "campos": ["nome"], "finalidade": PURPOSE}
    yield request("code read at a counter", "specs/macau.md 6", "/counter/scan", basic, json_type, json.dumps(scan))
    result = {"pedido": "vector-request"}
    yield request("answer at a counter", "specs/macau.md 6", "/counter/result", basic, json_type, json.dumps(result))


def document() -> Json:
    return {
        "format": "tongguan/vectors/v1",
        "layer": "macau",
        "about": "Synthetic keys and people. Specification: specs/macau.md.",
        "common": {
            "issuer": ISSUER,
            "bureau": BUREAU,
            "department": DEPARTMENT,
            "asked": ASKED,
            "purpose": PURPOSE,
            "department_keys": [jwk(kid, private=True, kid=kid) for kid in ("tongguan-1", "tongguan-0")],
            "bureau_jwks": {
                "keys": [
                    jwk("bureau-1", kid="bureau-1", use="sig", alg="ES256"),
                    jwk("bureau-0", kid="bureau-0", use="sig", alg="ES256", exp=SECONDS - 3600),
                ]
            },
            "client": {"client_id": CLIENT, "client_secret": SECRET},
            "start": {
                "state": STATE,
                "redirect_uri": REDIRECT,
                "language": "zh-Hant",
                "entropy": [NONCE.hex(), VERIFIER.hex()],
                "at": NOW.isoformat().replace("+00:00", "Z"),
            },
            "id_token": id_token(),
            "provider_jwks": {"keys": [jwk("provider-1", kid="provider-1", use="sig", alg="ES256")]},
        },
        "packets": list(packets()),
        "notices": list(notices()),
        "requests": list(requests()),
    }


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=True) + "\n"


def main() -> None:
    FILE.write_text(text(), encoding="utf-8")
    print(f"{FILE.name}: {len(text())} bytes")


if __name__ == "__main__":
    main()

"""The bureau's data packet: a JWS by the bureau inside a JWE for each chosen department (specs/macau.md 4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwe, jws
from joserfc.jwk import ECKey

TYPE: Final = "pacote+jwt"
MEDIA_TYPE: Final = "application/jose+json"


@dataclass(frozen=True)
class BureauKeys:
    """`signing` is the bureau's; `expired` is published with an `exp` in the past; `stranger` belongs to nobody."""

    signing: ECKey = field(repr=False)
    expired: ECKey = field(repr=False)
    stranger: ECKey = field(repr=False)

    @classmethod
    def generate(cls) -> "BureauKeys":
        return cls(*(ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True) for _ in range(3)))

    def jwks(self, now: int) -> dict[str, Any]:
        """The published set. `exp` of a key (seconds) is when it stops being believed."""
        old = {**self.expired.as_dict(private=False), "exp": now - 3600}
        return {"keys": [self.signing.as_dict(private=False), old]}


def sign(claims: Mapping[str, Any], key: ECKey, kid: str) -> str:
    """A compact JWS, ES256."""
    header = {"alg": "ES256", "typ": TYPE, "kid": kid}
    return jws.serialize_compact(header, json.dumps(claims, ensure_ascii=False).encode(), key)


def seal(signed: str, recipients: Sequence[ECKey]) -> dict[str, Any]:
    """RFC 7516 7.2.1, one entry for each recipient: ECDH-ES+A256KW on P-256, A256GCM."""
    sealed = jwe.GeneralJSONEncryption({"enc": "A256GCM", "cty": TYPE}, signed.encode())
    for key in recipients:
        sealed.add_recipient({"alg": "ECDH-ES+A256KW", "kid": key.kid or ""}, key)
    return dict(jwe.encrypt_json(sealed, None))

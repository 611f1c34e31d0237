"""An answer to a partner as a statement: signed by the broker, encrypted to the partner (specs/partner-api.md 6)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from broker.core.departure import Departure, check_all
from broker.core.jws import sign_statement
from broker.core.partner_keys import encrypt_to
from broker.wire.keys import Signer

TYP: Final = "tongguan-answer+jwt"
MEDIA_TYPE: Final = "application/jwt"


def seal_answer(
    body: Mapping[str, Any],
    *,
    answer_id: str,
    issuer: str,
    partner_id: str,
    subject: str | None,
    key_set: Mapping[str, Any],
    signer: Signer,
    departures: Sequence[Departure],
    at: datetime,
) -> str:
    """JWE(JWS(answer)). `body`: what is answered, its consents and what it is bound to; `departures`: by which it may
    leave. Raises InvalidInput when the partner has no key to encrypt to, NoDeparture.
    """
    check_all(departures, recipient=partner_id)
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": partner_id,
        "iat": int(at.timestamp()),
        "jti": answer_id,
        **({} if subject is None else {"sub": subject}),
        **body,
    }
    return encrypt_to(key_set, sign_statement(claims, signer, typ=TYP), typ="JWT")

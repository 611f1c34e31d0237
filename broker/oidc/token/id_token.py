"""The ID token (OpenID Connect Core 2), made once the exchange has committed.

What is asked for in it is released in a transaction of its own. A release locks consents and then the ledger; the
exchange has entered the pseudonym in the ledger, and holds the code and the grant that a withdrawal waits for.
"""

import logging
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from broker.core.denial import Denied
from broker.flows.unavailable import DatabaseUnavailable
from broker.oidc.jws import b64url
from broker.oidc.keys import ID_TOKEN_TYPE
from broker.oidc.released import Wanted, told
from broker.oidc.server import AuthorizationServer
from broker.oidc.session_id import session_id_for
from broker.oidc.token.issue import Issued, TokenResponse

_log: Final = logging.getLogger(__name__)


def with_id_token(server: AuthorizationServer, issued: Issued) -> TokenResponse:
    """The whole token response. What is denied, or cannot be released now, is left out of the ID token: the code is
    spent, and claims that are not returned are no error (Core 5.5.1).
    """
    claims = _released(server, issued, issued.wanted) if issued.wanted is not None and issued.wanted.names else {}
    return {**issued.response, "id_token": _id_token(server, issued, claims)}


def _released(server: AuthorizationServer, issued: Issued, wanted: Wanted) -> Mapping[str, Any]:
    if issued.client is None:
        return {}
    grant, at = issued.grant, server.clock()
    try:
        with server.open_unit() as unit:
            released = server.release_claims(
                unit,
                traveller=grant.traveller_id,
                client=issued.client,
                releases=grant.releases,
                wanted=wanted.names,
                at=at,
            )
    except DatabaseUnavailable as error:
        _log.warning("an ID token goes out without its claims: %s", error)
        return {}
    return {} if isinstance(released, Denied) else told(wanted, released, at).claims


def _id_token(server: AuthorizationServer, issued: Issued, claims: Mapping[str, Any]) -> str:
    grant, at, client = issued.grant, issued.at, issued.client
    half = sha256(issued.response["access_token"].encode()).digest()[:16]
    token: dict[str, Any] = {
        **claims,
        "iss": server.issuer,
        "sub": issued.subject,
        "aud": grant.client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + server.lifetimes.access_token).timestamp()),
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "at_hash": b64url(half),
    }
    if grant.amr:
        token["amr"] = list(grant.amr)
    if grant.session_id is not None:
        token["sid"] = session_id_for(server.sid_key, grant.session_id, grant.client_id)
    if issued.nonce is not None:
        token["nonce"] = issued.nonce
    signer = server.token_keys.ring.signer(client.id_token_alg if client is not None else None)
    return signer.sign(token, typ=ID_TOKEN_TYPE)

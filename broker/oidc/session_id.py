"""`sid` (OpenID Connect Back-Channel Logout 2.1): which session, in words that differ for each client, so that two
clients cannot find out that they serve the same browser.
"""

import hmac
from uuid import UUID

from broker.oidc.jws import b64url


def session_id_for(key: bytes, session_id: UUID, client_id: str) -> str:
    """`key`: AuthorizationServer.sid_key."""
    return b64url(hmac.digest(key, session_id.bytes + client_id.encode(), "sha256")[:16])

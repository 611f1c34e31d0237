"""`sid` (OpenID Connect Back-Channel Logout 2.1): which session, in words that differ for each client, so that two
clients cannot find out that they serve the same browser.
"""

import hmac
from uuid import UUID

from broker.oidc.jws import b64url
from broker.oidc.server import AuthorizationServer


def session_id_for(server: AuthorizationServer, session_id: UUID, client_id: str) -> str:
    mac = hmac.digest(server.derive("sid"), session_id.bytes + client_id.encode(), "sha256")
    return b64url(mac[:16])

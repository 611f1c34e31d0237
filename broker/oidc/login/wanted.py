"""What the authorization request that waits for a login asks of it: a provider with a session of its own would answer
with that otherwise, and never be fresh or strong enough.
"""

from datetime import datetime

from broker.core.authorization import digest
from broker.oidc.authorize.check_acr import LEVELS
from broker.oidc.authorize.endpoint import CONTINUE
from broker.oidc.server import AuthorizationServer
from broker.wire.identity_connector import WantedLogin
from broker.wire.identity_grant import Assurance


def login_wanted(server: AuthorizationServer, destination: str, at: datetime) -> WantedLogin:
    """`destination`: the path at which the person continues. Nothing is wanted where no request waits."""
    handle = destination.removeprefix(CONTINUE)
    if handle == destination:
        return WantedLogin()
    with server.open_unit() as unit:
        pending = unit.pending(digest(handle), at)
    if pending is None:
        return WantedLogin()
    asked = pending.request
    levels = [level for level in LEVELS if level in asked.acr_values]
    return WantedLogin(
        fresh=not asked.prompt.isdisjoint({"login", "select_account"}),
        max_age=asked.max_age,
        level=Assurance(levels[0]) if levels else None,
    )

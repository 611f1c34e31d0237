"""What a connector wants back at the end of a login, sealed while it waits in the database."""

from broker.core.sealing import SALT_BYTES, SealBroken, derive, seal
from broker.core.unsealing import unseal
from broker.oidc.errors import PageError
from broker.oidc.login.binding import Binding
from broker.oidc.server import AuthorizationServer


def seal_memory(server: AuthorizationServer, binding: Binding, memory: bytes) -> bytes:
    """Opens only with the server's token key and the browser's cookie together."""
    return seal(memory, key=_key(server, binding), context=_context(binding), salt=server.entropy(SALT_BYTES))


def open_memory(server: AuthorizationServer, binding: Binding, sealed: bytes) -> bytes:
    """Raises PageError when the token key changed in between."""
    try:
        return unseal(sealed, key=_key(server, binding), context=_context(binding))
    except SealBroken as error:
        raise PageError("login_expired", status=403, cause="the token key changed during the login") from error


def _key(server: AuthorizationServer, binding: Binding) -> bytes:
    return derive(server.derive("login-memory"), salt=binding.secret.encode(), info=b"tongguan/login-memory/v1")


def _context(binding: Binding) -> str:
    return f"tongguan/login-memory/v1/{binding.attempt_id}"

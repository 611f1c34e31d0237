"""Where a login may continue: a path of the broker's own origin, never another site (RFC 9700 4.11.2)."""

from typing import Final

from broker.oidc.errors import PageError

_MAX: Final = 1024


def checked_destination(return_to: str | None) -> str:
    """`return_to` if it is a local path. Browsers read backslashes as slashes and drop tabs, so neither may occur.
    Raises PageError.
    """
    value = return_to or "/"
    local = value.startswith("/") and not value.startswith("//") and "\\" not in value
    if not local or len(value) > _MAX or not value.isascii() or not value.isprintable():
        raise PageError("bad_destination", cause="return_to is not a path of this origin")
    return value

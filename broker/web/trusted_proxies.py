"""Who is behind a proxy: `X-Forwarded-For` counts only from a proxy that the operator named, and no further than it
saw. Everybody else's is ignored, so nobody chooses the address they are limited by.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_HEADER: Final = b"x-forwarded-for"
_MOST: Final = 32


class TrustedProxies:
    """Middleware: puts the client's address in place of the proxy's. `networks` are CIDR; without any, nobody is
    believed.
    """

    def __init__(self, app: ASGIApp, *, networks: Sequence[str]) -> None:
        self._app = app
        self._networks = [ip_network(network) for network in networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client") if scope["type"] in ("http", "websocket") else None
        if self._networks and peer is not None and self._trusts(_address(str(peer[0]))):
            said = b",".join(value for name, value in scope["headers"] if name == _HEADER)
            scope = {**scope, "client": (self._behind(str(peer[0]), said.decode("latin-1")), peer[1])}
        await self._app(scope, receive, send)

    def _behind(self, peer: str, said: str) -> str:
        """From the right, where the nearest proxy wrote: the first address that is no trusted proxy's."""
        nearest = peer
        for part in reversed(said.split(",")[-_MOST:]):
            address = _address(part.strip())
            if address is None:
                return nearest
            nearest = str(address)
            if not self._trusts(address):
                return nearest
        return nearest

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

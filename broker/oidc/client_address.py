"""Where a request comes from, as a name that somebody who has many addresses cannot change at will."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

_IPV6_NETWORK: Final = 64  # one household, or one attacker


def client_address(scope: Any) -> str:
    """The peer's address of an ASGI scope; of IPv6 its network, because one client has as many addresses there as it
    likes.
    """
    name = str((scope.get("client") or ("", 0))[0])
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return str(ip_network((address, _IPV6_NETWORK), strict=False)) if isinstance(address, IPv6Address) else name

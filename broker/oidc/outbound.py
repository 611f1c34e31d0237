"""Calls to addresses that clients registered: JWKS, back-channel logout. A client must not be able to make the broker
call what only the broker can reach (server-side request forgery).

1. https, unless the address that the name resolves to is loopback and allowed
2. the name is resolved once, every address is checked, and the connection goes to a checked address: a second
   resolution (DNS rebinding) never happens
3. no redirects, a size limit and one deadline for all of it
"""

import json
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpcore

from broker.oidc.client_keys import FetchError

MAX_BYTES: Final = 128 * 1024
_SECONDS: Final = 5.0
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_Address = IPv4Address | IPv6Address
SocketOptions = Iterable[Any]


class Outbound:
    """One pool of connections. `allowed` are networks that may be called although they are not public."""

    def __init__(self, trust: ssl.SSLContext, *, allowed: Sequence[str] = (), resolve: Any = None) -> None:
        self._guard = _Guard(tuple(ip_network(network) for network in allowed), resolve or _resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust, max_connections=20, keepalive_expiry=30.0, network_backend=self._guard
        )

    def fetch_json(self, uri: str) -> Any:
        """GET. Raises FetchError."""
        status, body = self._send("GET", uri, {"Accept": "application/json"}, None)
        if status != 200:
            raise FetchError(f"answered {status}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FetchError("the answer is not JSON") from error

    def post_form(self, uri: str, form: Mapping[str, str]) -> int:
        """POST; the status of the answer. Raises FetchError."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", uri, headers, urlencode(form).encode())[0]

    def close(self) -> None:
        self._pool.close()

    def _send(self, method: str, uri: str, headers: Mapping[str, str], content: bytes | None) -> tuple[int, bytes]:
        parts = urlsplit(uri)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
            raise FetchError("not an address that is called")
        if parts.scheme == "http" and not self._guard.all_loopback(parts.hostname, parts.port or 80):
            raise FetchError("only https is called")
        deadline = monotonic() + _SECONDS
        timeout = {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 3.0}
        body = bytearray()
        try:
            sent: dict[bytes | str, bytes | str] = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
            with self._pool.stream(
                method, uri, headers=sent, content=content, extensions={"timeout": timeout}
            ) as answer:
                for chunk in answer.iter_stream():
                    body += chunk
                    if len(body) > MAX_BYTES or monotonic() > deadline:
                        raise FetchError("the answer is too large or too slow")
                return answer.status, bytes(body)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
            raise FetchError(f"not reached ({type(error).__name__})") from error
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            raise FetchError("not an address that is called") from error


class _Guard(httpcore.NetworkBackend):
    """Connects to addresses that are public or allowed."""

    def __init__(self, allowed: tuple[Any, ...], resolve: Any) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        for address in self._checked(host, port):
            return self._real.connect_tcp(str(address), port, timeout, local_address, socket_options)
        raise httpcore.ConnectError("no address")

    def all_loopback(self, host: str, port: int) -> bool:
        try:
            return all(address.is_loopback for address in self._checked(host, port))
        except httpcore.ConnectError:
            return False

    def _checked(self, host: str, port: int) -> list[_Address]:
        addresses = self._resolve(host, port)
        if not addresses or not all(self._may_be_called(address) for address in addresses):
            raise httpcore.ConnectError("the name leads to an address that is not called")
        return list(addresses)

    def _may_be_called(self, address: _Address) -> bool:
        inner = _embedded(address)
        if any(candidate in network for network in self._allowed for candidate in {address, inner}):
            return True
        return all(_is_public(candidate) for candidate in (address, inner))


def _is_public(address: _Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not special


def _embedded(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _resolve(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name is not known") from error
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]

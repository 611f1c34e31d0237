"""Calls to addresses that partners named: key sets and webhooks. The broker must not become a way into the operator's
own network, nor wait for anybody.

A name is resolved here and the connection goes to the very address that was examined, so a name server that changes its
answer in between gains nothing. No redirect is followed, no environment read, nothing kept between calls; the whole
exchange ends in time, and of the answer little is read.
"""

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM, gaierror, getaddrinfo
from time import monotonic as monotonic_seconds
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

MAX_ANSWER: Final = 64 * 1024
_SECONDS: Final = 10.0
_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_UNICAST: Final = IPv6Network("2000::/3")
"""What is public of IPv6 (RFC 4291 2.4): nothing site-local, compatible or translated lies within."""
# Within it, what carries an IPv4 address, which may be anybody's (Teredo, 6to4), and documentation; of IPv4, what is
# kept for protocols between neighbours (RFC 6890 2.2.2).
_KEPT: Final = tuple(ip_network(n) for n in ("2001::/32", "2002::/16", "3fff::/20", "192.0.0.0/24"))
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)
"""What precedes an IPv4 address in an interface id (RFC 5214 6.1)."""


class CallRefused(Exception):
    """The address may not be called. The text is for the operator."""


class CallFailed(Exception):
    """No answer came in time, or none that can be read. The text names no content."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where calls may go beyond public addresses: networks in CIDR notation."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[str] = (), *, loopback: bool = False) -> "Reach":
        """Raises ValueError for what is no network."""
        return cls(tuple(ip_network(one) for one in (*networks, *(_LOOPBACK if loopback else ()))))

    def allows(self, address: str) -> bool:
        found = ip_address(address.partition("%")[0])
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        if any(found in network for network in self.networks):
            return True
        if isinstance(found, IPv6Address):
            tunnelled = int(found) >> 32 & 0xFFFF_FFFF in _ISATAP
            if found not in _UNICAST or tunnelled:
                return False
        kept = any(found in network for network in _KEPT)
        return found.is_global and not (found.is_multicast or found.is_reserved or kept)


class PartnerHttp:
    """One exchange a call. `seconds`: for the exchange as a whole, name lookup apart."""

    def __init__(
        self,
        trust: ssl.SSLContext,
        reach: Reach,
        *,
        seconds: float = _SECONDS,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._trust = trust
        self._reach = reach
        self._seconds = seconds
        self._monotonic = monotonic

    def get(self, url: str, *, accept: str) -> tuple[int, bytes]:
        """Status and body, of at most MAX_ANSWER bytes. Raises CallRefused, CallFailed."""
        return self._call("GET", url, {"accept": accept}, b"")

    def key_set(self, url: str) -> bytes | None:
        """What is published there as a key set (RFC 7517); None when it cannot be had."""
        try:
            status, body = self.get(url, accept="application/jwk-set+json, application/json")
        except (CallRefused, CallFailed):
            return None
        return body if status == 200 else None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The same for a POST."""
        return self._call("POST", url, headers, body)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        if urlsplit(url).scheme not in ("https", "http"):
            raise CallRefused("neither https nor http")
        end = self._monotonic() + self._seconds
        sockets = _Sockets(self._reach, lambda: end - self._monotonic())
        sent = [("host", urlsplit(url).netloc), ("user-agent", "tongguan"), *headers.items()]
        if body:
            sent.append(("content-length", str(len(body))))
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._trust, max_connections=1, network_backend=sockets) as pool,
                pool.stream(method, url, headers=sent, content=body) as answer,
            ):
                return answer.status, _read(answer)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ValueError) as error:
            raise CallFailed(type(error).__name__) from error


def _read(answer: httpcore.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_stream():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise CallFailed("the answer is too long")
    return bytes(body)


class _Sockets(httpcore.NetworkBackend):
    """Sockets to addresses within reach, under one deadline."""

    def __init__(self, reach: Reach, remaining: Callable[[], float]) -> None:
        self._inner = httpcore.SyncBackend()
        self._reach = reach
        self._remaining = remaining

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = [str(entry[4][0]) for entry in getaddrinfo(host, port, type=SOCK_STREAM)]
        except (gaierror, UnicodeError) as error:
            raise CallFailed("the name does not resolve") from error
        # All of them: a name that also leads inwards is not to be trusted at all.
        if not found or not all(self._reach.allows(address) for address in found):
            raise CallRefused("the name leads to an address that is not public")
        within = _left(self._remaining, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(found[0], port, within, None, socket_options), self._remaining)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, remaining: Callable[[], float]) -> None:
        self._inner = inner
        self._remaining = remaining

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._remaining, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._remaining, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        within = _left(self._remaining, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, within), self._remaining)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(remaining: Callable[[], float], late: type[Exception]) -> float:
    left = remaining()
    if left <= 0:
        raise late("the exchange took too long as a whole")
    return left

"""The HTTP client towards providers. All travellers' logins share it, so it keeps nothing of one exchange for the next,
and its sockets obey the deadline of the exchange they work for.

A timeout of httpx bounds one read; a provider that sends a byte now and then renews it for ever. Here every operation
on a socket gets what is left of the whole exchange, and no more. Resolving a name is bounded by the resolver alone.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpcore
import httpx

_SECONDS: Final = 10.0  # for each operation of a request that runs without a deadline

_remaining: ContextVar[Callable[[], float] | None] = ContextVar("remaining", default=None)


@contextmanager
def deadline(remaining: Callable[[], float]) -> Iterator[None]:
    """Within: sockets of a `provider_client` in this thread give up when `remaining()` seconds reach 0."""
    before = _remaining.set(remaining)
    try:
        yield
    finally:
        _remaining.reset(before)


def provider_client(trust: ssl.SSLContext) -> httpx.Client:
    """A client that believes `trust`, follows no redirect, reads no environment and stores no cookie."""
    transport = httpx.HTTPTransport(verify=trust, trust_env=False)
    # httpx has no argument for this; httpcore, below it, does.
    transport._pool = httpcore.ConnectionPool(
        ssl_context=trust,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=5.0,
        network_backend=_Sockets(),
    )
    return httpx.Client(
        transport=transport,
        timeout=_SECONDS,
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


class _Sockets(httpcore.NetworkBackend):
    """httpcore's own sockets under the deadline."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        allowed = _allowed(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, allowed, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _allowed(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _allowed(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        allowed = _allowed(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, allowed))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _allowed(timeout: float | None, late: type[Exception]) -> float | None:
    """The shorter of `timeout` and what is left, in seconds. Raises `late` when nothing is."""
    remaining = _remaining.get()
    if remaining is None:
        return timeout
    left = remaining()
    if left <= 0:
        raise late("the exchange took too long")
    return left if timeout is None else min(timeout, left)

"""HTTP whose exchanges end in time: a peer that sends a byte now and then cannot hold whoever waits."""

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

KEEP_ALIVE_SECONDS = 5.0


class Deadline:
    """The end of the exchange under way, by a clock that nobody can set. One exchange at a time."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self.begin()

    def begin(self) -> None:
        """An exchange begins now."""
        self._end = self._monotonic() + self._seconds

    def cap(self, timeout: float | None) -> float:
        """Return `timeout` (s), or what is left when that is less. Raises `httpcore.ReadTimeout` when nothing is."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long as a whole")
        return left if timeout is None else min(timeout, left)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport over sockets that know the deadline. Not bounded: a name lookup."""

    def __init__(self, context: ssl.SSLContext, deadline: Deadline) -> None:
        # The parent makes the same pool, but leaves no room for a network backend.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, keepalive_expiry=KEEP_ALIVE_SECONDS, network_backend=_Network(deadline)
        )


class _Network(httpcore.SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        within = self._deadline.cap(timeout)
        return _Stream(super().connect_tcp(host, port, within, local_address, socket_options), self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cap(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cap(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        within = self._deadline.cap(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, within), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

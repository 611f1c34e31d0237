"""The local authority: short-lived, for its hosts alone, and good enough for Python's own TLS."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from broker.cli.tls import app


def _make(home: Path, *hosts: str) -> None:
    arguments = ["make", "--home", str(home)] + [word for host in hosts for word in ("--host", host)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output


def _handshake(home: Path, name: str) -> None:
    """One TLS connection over a socket pair; raises ssl.SSLError on the client's side."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(home / "server.pem", home / "server.key")
    client_context = ssl.create_default_context(cafile=str(home / "ca.pem"))
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            with server_context.wrap_socket(there, server_side=True) as server:
                server.recv(1)
        except (ssl.SSLError, OSError):
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_context.wrap_socket(here, server_hostname=name) as client:
            client.send(b"x")
    finally:
        here.close()
        thread.join(10)


@pytest.mark.parametrize("name", ["127.0.0.1", "lane.local"])
def test_the_certificate_is_believed_for_its_hosts(tmp_path: Path, name: str) -> None:
    _make(tmp_path, "127.0.0.1", "lane.local")
    _handshake(tmp_path, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, "other.local")


def test_lifetimes_are_short_and_keys_private(tmp_path: Path) -> None:
    _make(tmp_path, "127.0.0.1")
    server = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    now = datetime.now(UTC)
    assert server.not_valid_after_utc < now + timedelta(days=31)
    assert authority.not_valid_after_utc < now + timedelta(days=91)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.excluded_subtrees == [x509.DNSName("")]
    for name in ("ca.key", "server.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_the_authority_stays_while_the_hosts_stay(tmp_path: Path) -> None:
    _make(tmp_path, "127.0.0.1")
    first = (tmp_path / "ca.pem").read_bytes()
    _make(tmp_path, "127.0.0.1")
    assert (tmp_path / "ca.pem").read_bytes() == first
    _make(tmp_path, "127.0.0.1", "lane.local")
    assert (tmp_path / "ca.pem").read_bytes() != first

"""What `make demo` accepts, and what it answers to the rest."""

import io
import socket

import pytest
from rich.console import Console

from tests.demo.__main__ import arguments
from tests.demo.serving import is_loopback, public_host


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--public", "1"], "--public needs --serve: make demo SERVE=1 PUBLIC=1"),
        (["--portrait", "me.jpg"], "--portrait needs --serve: make demo SERVE=1 PORTRAIT=me.jpg"),
    ],
)
def test_what_only_serving_uses_is_refused_without_it(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert arguments(["--serve", *words]).serve


def test_a_host_that_is_named_is_taken_as_it_is() -> None:
    said = io.StringIO()
    assert public_host("127.0.0.1", Console(file=said)) == "127.0.0.1" and said.getvalue() == ""


def test_no_route_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRoute(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError("unreachable")

    monkeypatch.setattr(socket, "socket", NoRoute)
    said = io.StringIO()
    assert public_host("1", Console(file=said, width=200)) == "127.0.0.1"
    assert "which no phone reaches" in said.getvalue() and "PUBLIC=ADDRESS" in said.getvalue()


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("localhost", True), ("192.0.2.7", False), ("lane.example", False)]
)
def test_only_loopback_is_bound_to_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local

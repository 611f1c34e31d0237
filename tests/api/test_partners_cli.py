"""`tongguan partners` and `tongguan webhooks`: the life of a partner, and what the journal says of it."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import text
from typer.testing import CliRunner, Result

from broker.cli import app
from broker.core.journal import decode_entry
from broker.oidc.client_keys import ClientKeys
from broker.stores.database import Database
from broker.stores.work import Works

CEILINGS = ["--scope", "openid", "--scope", "partner", "--purpose", "library-card", "--claim", "over_18"]


class Operator:
    """Runs `tongguan` in this process on one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runner = CliRunner()

    def run(self, *arguments: str) -> Result:
        return self.runner.invoke(app, [*arguments, "--home", str(self.home)], prog_name="tongguan")

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def add(self, *more: str) -> Result:
        common = ["--name", "Library", "--name-in", "zh-Hant=圖書館", "--contact", "data@library.example"]
        return self.run("partners", "add", "hk-library", *common, "--jurisdiction", "HK", *CEILINGS, *more)


def key_set(path: Path) -> tuple[Path, ECKey]:
    """A key set of one signing and one encryption key in a file, public halves only."""
    key = ECKey.generate_key("P-256", parameters={"use": "enc", "kid": "e1"})
    signing = ECKey.generate_key("P-256", parameters={"use": "sig", "kid": "s1", "alg": "ES256"})
    path.write_text(json.dumps(KeySet([signing, key]).as_dict(private=False)), encoding="utf-8")
    return path, key


@pytest.fixture
def operator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setenv("TONGGUAN_DATABASE_URL", database_url)
    made = Operator(tmp_path / "home")
    assert made.run("broker", "init").exit_code == 0
    return made


def journal(database: Database) -> list[tuple[str, dict[str, Any]]]:
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT entry FROM journal_inbox ORDER BY id")).scalars().all()
    entries = [decode_entry(bytes(row)) for row in rows]
    return [(entry.kind, dict(entry.clear)) for entry in entries]


def test_the_life_of_a_partner_is_journalled(operator: Operator, database: Database, tmp_path: Path) -> None:
    keys, _ = key_set(tmp_path / "keys.json")
    assert operator.add("--jwks", str(keys)).exit_code == 0
    made = operator.run(
        "partners", "client", "add", "hk-library", "--client-id", "counter", "--redirect-uri", "https://lib.example/cb"
    )
    assert made.exit_code == 0, made.output
    assert operator.run("partners", "suspend", "hk-library").exit_code == 0
    assert operator.run("partners", "suspend", "hk-library").exit_code == 0
    assert operator.json("partners", "show", "hk-library")["clients"][0]["status"] == "suspended"
    assert operator.run("partners", "resume", "hk-library").exit_code == 0
    assert operator.run("partners", "ceiling", "hk-library", "--claim", "resident_of").exit_code == 0
    shown = operator.json("partners", "show", "hk-library")
    assert (shown["status"], shown["names"]["zh-Hant"], shown["names"]["pt"]) == ("active", "圖書館", "Library")
    assert (shown["claims"], shown["purposes"]) == (["resident_of"], ["library-card"])
    # The client was beneath the old ceiling and has nothing beneath the new one.
    assert (shown["clients"][0]["claims"], shown["clients"][0]["purposes"]) == ([], ["library-card"])
    assert [each["partner_id"] for each in operator.json("partners", "list")] == ["hk-library"]
    kinds = [kind for kind, clear in journal(database) if clear.get("partner") == "hk-library"]
    assert kinds == [
        "operator:partner:onboarded",
        "operator:client:registered",
        "operator:partner:suspended",
        "operator:partner:resumed",
        "operator:ceiling:changed",
    ]


def test_a_client_never_stands_above_its_partner(operator: Operator, tmp_path: Path) -> None:
    keys, _ = key_set(tmp_path / "keys.json")
    assert operator.add("--jwks", str(keys)).exit_code == 0
    uri = ["--redirect-uri", "https://lib.example/cb"]
    for what in (["--claim", "birthdate"], ["--purpose", "marketing"], ["--scope", "wallet"]):
        refused = operator.run("partners", "client", "add", "hk-library", *uri, *what)
        assert refused.exit_code == 2, what
        assert "may have only" in refused.output
    assert operator.json("partners", "show", "hk-library")["clients"] == []


class Published(BaseHTTPRequestHandler):
    """Where a partner publishes its keys."""

    def do_GET(self) -> None:
        body = json.dumps(self.server.document).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_rotating_takes_the_present_keys_and_no_other(
    operator: Operator, database: Database, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGGUAN_SANDBOX", "true")
    removed, kept, new = (
        ECKey.generate_key("P-256", parameters={"use": use, "kid": kid})
        for use, kid in (("sig", "s1"), ("enc", "e1"), ("sig", "s2"))
    )
    publisher.document = KeySet([removed, kept]).as_dict(private=False)
    uri = f"http://127.0.0.1:{publisher.server_address[1]}/jwks"
    assert operator.add("--jwks-uri", uri).exit_code == 0
    made = operator.run(
        "partners", "client", "add", "hk-library", "--client-id", "counter", "--redirect-uri", "https://l.example/cb"
    )
    assert made.exit_code == 0, made.output
    worker, at = ClientKeys(lambda url: publisher.document), datetime.now(UTC)

    def signing(kid: str) -> int:
        with Works(database).begin() as work:
            client = work.clients.find("counter")
        assert client is not None
        return len(worker.signing(client, kid=kid, alg="ES256", at=at))

    assert (signing("s1"), signing("s2")) == (1, 0)
    publisher.document = KeySet([new, kept]).as_dict(private=False)
    assert signing("s1") == 1
    rotated = operator.run("partners", "rotate", "hk-library")
    assert rotated.output == "hk-library has 2 key(s).\n"
    assert (signing("s1"), signing("s2")) == (0, 1)
    assert operator.json("partners", "show", "hk-library")["kids"] == ["s2", "e1"]
    kind, clear = journal(database)[-1]
    assert kind == "operator:keys:rotated"
    assert (clear["jwks_uri"], clear["kids"]) == (uri, ["s2", "e1"])


@pytest.mark.parametrize("profile", ["oidc_basic", "wallet"])
def test_other_profiles_are_refused_outside_a_sandbox(operator: Operator, profile: str) -> None:
    assert operator.add().exit_code == 0
    auth = ["--auth", "client_secret_basic" if profile == "oidc_basic" else "none", "--profile", profile]
    refused = operator.run("partners", "client", "add", "hk-library", "--redirect-uri", "https://l.example/cb", *auth)
    assert refused.exit_code == 2


def test_a_sandbox_has_clients_with_a_secret(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGGUAN_SANDBOX", "true")
    assert operator.add("--scope", "profile").exit_code == 0
    assert operator.json("partners", "show", "hk-library")["sandbox"] is True
    arguments = ["--profile", "oidc_basic", "--client-id", "try", "--scope", "openid"]
    made = operator.run(
        "partners", "client", "add", "hk-library", *arguments, "--redirect-uri", "http://127.0.0.1:9/cb"
    )
    assert made.exit_code == 0, made.output
    client_id, secret = made.stdout.split()
    assert client_id == "try"
    assert len(secret) >= 43
    assert secret not in json.dumps(operator.json("partners", "show", "hk-library"))


def test_one_client_is_stopped_changed_and_resumed(operator: Operator, database: Database, tmp_path: Path) -> None:
    keys, _ = key_set(tmp_path / "keys.json")
    assert operator.add("--jwks", str(keys)).exit_code == 0
    for name in ("counter", "branch"):
        made = operator.run(
            "partners", "client", "add", "hk-library", "--client-id", name, "--redirect-uri", "https://lib.example/cb"
        )
        assert made.exit_code == 0, made.output

    def client(*arguments: str) -> str:
        result = operator.run("partners", "client", *arguments)
        assert result.exit_code == 0, result.output
        return result.output

    assert client("suspend", "counter") == "counter is suspended.\n"
    assert operator.run("partners", "suspend", "hk-library").exit_code == 0
    assert operator.run("partners", "resume", "hk-library").exit_code == 0
    listed = operator.json("partners", "client", "list", "hk-library")
    assert [(one["client_id"], one["status"]) for one in listed] == [("branch", "active"), ("counter", "suspended")]
    assert "counter" in client("list", "hk-library")
    assert client("resume", "counter") == "counter is active.\n"
    client("change", "counter", "--redirect-uri", "https://lib.example/new", "--scope", "openid")
    shown = operator.json("partners", "client", "list", "hk-library")[1]
    assert (shown["redirect_uris"], shown["scopes"]) == (["https://lib.example/new"], ["openid"])
    assert shown["claims"] == ["over_18"]
    above = operator.run("partners", "client", "change", "counter", "--claim", "birthdate")
    assert above.exit_code == 2
    assert operator.run("partners", "client", "secret", "counter").exit_code == 2
    assert operator.run("partners", "client", "suspend", "nobody").exit_code == 2
    assert operator.run("partners", "client", "list", "nobody").exit_code == 2
    own = [(kind, clear) for kind, clear in journal(database) if clear.get("client") == "counter"]
    assert [kind.removeprefix("operator:client:") for kind, _ in own] == [
        "registered", "suspended", "resumed", "changed"
    ]  # fmt: skip
    assert own[-1][1]["redirect_uris"] == ["https://lib.example/new"]


def test_a_new_secret_is_printed_once(operator: Operator, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGGUAN_SANDBOX", "true")
    assert operator.add().exit_code == 0
    arguments = ["--profile", "oidc_basic", "--client-id", "try", "--scope", "openid"]
    uri = ["--redirect-uri", "http://127.0.0.1:9/cb"]
    former = operator.run("partners", "client", "add", "hk-library", *arguments, *uri).stdout.split()[1]
    new = operator.run("partners", "client", "secret", "try").stdout.split()[1]
    with Works(database).begin() as work:
        client = work.clients.find("try")
    assert client is not None
    assert (client.secret_matches(new), client.secret_matches(former)) == (True, False)
    kind, clear = journal(database)[-1]
    assert (kind, clear) == ("operator:secret:replaced", {"partner": "hk-library", "client": "try"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--webhook", "http://lib.example/hook"],
        ["--webhook", "https://user:pass@lib.example/hook"],
        ["--webhook", "https://lib.example/hook#f"],
        ["--webhook", "ftp://lib.example/hook"],
        ["--jurisdiction", "Hong Kong"],
        ["--name-in", "fr=Bibliothèque"],
        ["--claim", "Over 18"],
        # Loopback is nobody's to name outside a sandbox.
        ["--jwks-uri", "https://127.0.0.1:9/jwks"],
        ["--jwks-uri", "https://localhost:9/jwks"],
    ],
)
def test_what_is_wrong_is_refused_and_leaves_nothing(operator: Operator, arguments: list[str]) -> None:
    assert operator.add(*arguments).exit_code == 2
    assert operator.json("partners", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--redirect-uri", "http://lib.example/cb"],
        ["--redirect-uri", "http://127.0.0.1.evil.example/cb"],
        ["--redirect-uri", "http://127.0.0.1@evil.example/cb"],
        ["--redirect-uri", "https://lib.example/cb", "--backchannel-logout-uri", "http://lib.example/out"],
        ["--redirect-uri", "https://lib.example/cb", "--backchannel-logout-uri", "https://u:p@lib.example/out"],
    ],
)
def test_a_clients_addresses_are_https(operator: Operator, tmp_path: Path, arguments: list[str]) -> None:
    keys, _ = key_set(tmp_path / "keys.json")
    assert operator.add("--jwks", str(keys)).exit_code == 0
    assert operator.run("partners", "client", "add", "hk-library", *arguments).exit_code == 2
    assert operator.json("partners", "show", "hk-library")["clients"] == []


def test_a_program_on_a_desk_is_called_back_there(operator: Operator, tmp_path: Path) -> None:
    keys, _ = key_set(tmp_path / "keys.json")
    assert operator.add("--jwks", str(keys)).exit_code == 0
    back = [f"--redirect-uri=http://{host}:8700/cb" for host in ("127.0.0.1", "[::1]", "localhost")]
    made = operator.run("partners", "client", "add", "hk-library", *back)
    assert made.exit_code == 0, made.output


def test_a_key_set_with_a_private_key_is_refused(operator: Operator, tmp_path: Path) -> None:
    path, key = key_set(tmp_path / "keys.json")
    path.write_text(json.dumps(KeySet([key]).as_dict(private=True)), encoding="utf-8")
    refused = operator.add("--jwks", str(path))
    assert refused.exit_code == 2
    assert "private" in refused.output


def test_nothing_to_deliver_is_no_error(operator: Operator) -> None:
    assert "0 notice(s)" in operator.run("webhooks", "deliver").output
    assert operator.json("webhooks", "list") == []

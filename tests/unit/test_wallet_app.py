"""The wallet's server: what it serves, how long it may be kept, and what the pages are allowed to do."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from wallet_app.app import PAGES, WalletNotBuilt, broker_origin, create_app

BROKER = "https://broker.example"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "sw.js", "icon.svg", "manifest.webmanifest", "assets/index-abc.js"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path.parent / "secret.txt").write_text("outside", encoding="utf-8")
    return tmp_path


@pytest.fixture
def client(dist: Path) -> TestClient:
    return TestClient(create_app(dist, BROKER))


@pytest.mark.parametrize("path", [path.replace("{pass_id}", "ab12") for path in PAGES])
def test_every_page_is_the_one_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, "index.html")
    assert answer.headers["cache-control"] == "no-cache"


def test_the_router_and_the_server_know_the_same_pages() -> None:
    router = (Path(__file__).parents[2] / "wallet_app/ui/src/router.ts").read_text(encoding="utf-8")
    known = router.split("const page = ([", 1)[1].split("]", 1)[0]
    assert {path.split("/")[1] for path in PAGES} - {""} == set(json.loads(f"[{known}]"))


def test_config_names_the_broker_and_the_client(client: TestClient) -> None:
    assert client.get("/config.json").json() == {"broker": BROKER, "client_id": "tongguan-wallet"}


def test_hashed_files_keep_for_ever_and_the_worker_does_not(client: TestClient) -> None:
    assert "immutable" in client.get("/assets/index-abc.js").headers["cache-control"]
    assert client.get("/sw.js").headers["cache-control"] == "no-cache"
    assert client.get("/sw.js").headers["content-type"].startswith("text/javascript")
    assert "cache-control" not in client.get("/assets/missing.js").headers


@pytest.mark.parametrize(
    "path", ["/nowhere", "/assets/missing.js", "/assets/../index.html/x", "/assets/%2e%2e/%2e%2e/secret.txt"]
)
def test_anything_else_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_every_answer_is_locked_down(client: TestClient) -> None:
    for path in ("/", "/config.json", "/assets/index-abc.js", "/nowhere"):
        headers = client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["connect-src"] == f"'self' {BROKER}"
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "camera=(self)" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers


def test_over_tls_it_asks_for_tls(dist: Path) -> None:
    client = TestClient(create_app(dist, BROKER), base_url="https://wallet.example")
    assert client.get("/").headers["strict-transport-security"] == "max-age=31536000"
    local = TestClient(create_app(dist, BROKER), base_url="https://localhost:8443")
    assert "strict-transport-security" not in local.get("/").headers


def test_posting_is_refused(client: TestClient) -> None:
    assert client.post("/config.json").status_code == 405


def test_missing_pages_say_how_to_build_them(tmp_path: Path) -> None:
    with pytest.raises(WalletNotBuilt, match="npm ci && npm run build"):
        create_app(tmp_path, BROKER)


@pytest.mark.parametrize("broker", ["https://broker.example/", "http://127.0.0.1:8080", "https://[::1]:8443"])
def test_origins(broker: str) -> None:
    assert broker_origin(broker) == broker.rstrip("/")


@pytest.mark.parametrize(
    "broker",
    [
        "",
        "broker.example",
        "ftp://x",
        "https://x/path",
        "https://x?q",
        "https://u@x",
        "https://x; script-src *",
        "https://*",
    ],
)
def test_not_origins(broker: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        broker_origin(broker)

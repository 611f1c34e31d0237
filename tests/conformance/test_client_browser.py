"""npm oidc-client-ts in Chromium: a wallet-like single-page application against the broker's processes, over TLS."""

import os
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conformance.modules import implementation
from tests.conformance.test_clients_node import verified_by_jose
from tests.support.node import NODE_HOME, node
from tests.support.sandbox_stage import SandboxStage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LIBRARY = NODE_HOME / "node_modules" / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.js"
PAGE = NODE_HOME / "wallet_page.html"
PERSON = "iamsmart-chan"


@implementation("oidc-client-ts", "wallet", "in Chromium: public client, PKCE, DPoP with nonces, refresh, revocation")
def test_oidc_client_ts_wallet(sandbox_stage: SandboxStage) -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser: run 'apt-get install chromium' as root, or set CHROMIUM to its path")
    node()
    with _served(sandbox_stage), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(ignore_https_errors=True, locale="en-GB")
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(sandbox_stage.wallet_url)
        order = {"authority": sandbox_stage.broker_url, "api": f"{sandbox_stage.broker_url}/wallet/v1/me"}
        page.evaluate("order => sessionStorage.setItem('order', JSON.stringify(order))", order)
        page.reload()
        _log_in(page)
        page.wait_for_url(f"{sandbox_stage.wallet_url}/callback**")
        page.wait_for_function("() => window.result")
        result: dict[str, Any] = page.evaluate("() => window.result")
        browser.close()
    assert "failed" not in result, result["failed"]
    assert result["token_type"] == "DPoP"
    assert result["first"]["status"] == result["second"]["status"] == 200
    assert result["first"]["body"]["traveller"] == result["claims"]["sub"]
    assert result["rotated"] is True
    assert result["afterwards"] == 401
    verified_by_jose(sandbox_stage, result, "tongguan-wallet", audience="/wallet/v1")


class _Application(BaseHTTPRequestHandler):
    """The two files of the application."""

    def do_GET(self) -> None:  # the base class names it so
        library = self.path == "/oidc-client-ts.js"
        body = (LIBRARY if library else PAGE).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if library else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test tells enough."""


@contextmanager
def _served(stage: SandboxStage) -> Iterator[None]:
    """The application at the wallet's origin. A browser lets only pages of this machine call this machine."""
    assert stage.tls is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stage.tls.certificate, stage.tls.key)
    with ThreadingHTTPServer(("127.0.0.1", stage.ports["wallet"]), _Application) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join(10)


def _log_in(page: Page) -> None:
    """The broker's choice of provider, then the provider's pages."""
    page.locator('button[data-provider="iamsmart"]').click()
    page.locator(f'button[name="person"][value="{PERSON}"]').click()
    for box in page.locator('input[type="checkbox"]').all():
        box.check()
    page.locator('button[name="decision"][value="allow"]').click()

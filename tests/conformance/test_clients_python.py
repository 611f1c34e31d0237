"""Python clients against the broker's processes, each a process itself, over TLS."""

import sys
from pathlib import Path

import pytest

from tests.conformance.modules import implementation
from tests.conformance.test_clients_node import verified_by_jose
from tests.support.sandbox_stage import BASIC_CLIENT, KEY_CLIENT, POST_CLIENT, SandboxStage

CLIENTS = Path(__file__).parent / "clients"


def script(name: str) -> list[str]:
    return [sys.executable, str(CLIENTS / name)]


@pytest.mark.parametrize("client_id", [BASIC_CLIENT, KEY_CLIENT])
@implementation(
    "Authlib", "oidc_basic", "client_secret_basic and private_key_jwt, code flow with PKCE, ID token, userinfo, refresh"
)
def test_authlib_oidc_basic(sandbox_stage: SandboxStage, client_id: str) -> None:
    browser = sandbox_stage.browser()
    result = sandbox_stage.drive(script("authlib_client.py"), sandbox_stage.order(client_id), browser)
    assert browser.seen == ["login", "consent"]
    assert result["userinfo"]["sub"] == result["claims"]["sub"]
    assert result["userinfo"]["family_name"]
    assert result["rotated"] is True
    verified_by_jose(sandbox_stage, result, client_id)


@implementation(
    "idpyoidc", "oidc_basic", "discovery, client_secret_post, code flow with PKCE, RS256 ID token, userinfo"
)
def test_idpyoidc_oidc_basic(sandbox_stage: SandboxStage) -> None:
    browser = sandbox_stage.browser()
    result = sandbox_stage.drive(script("idpyoidc_client.py"), sandbox_stage.order(POST_CLIENT), browser)
    assert browser.seen[0] == "login"
    assert result["userinfo"]["sub"] == result["claims"]["sub"]
    verified_by_jose(sandbox_stage, result, POST_CLIENT)

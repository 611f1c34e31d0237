"""What a connector wants back is sealed in the database, and opens only for the browser that began."""

import os
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.oidc.errors import PageError
from broker.oidc.login.binding import Binding
from broker.oidc.login.memory import open_memory, seal_memory
from broker.wire.identity_connector import MAX_MEMORY, Redirection
from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import ISSUER, OidcWorld

SECRET = b"nonce and verifier"


def test_it_opens_with_the_servers_key_and_the_browsers_secret_together(world: OidcWorld) -> None:
    binding = Binding("0" * 16, "browser-secret", "/")
    sealed = seal_memory(world.server, binding, SECRET)
    assert open_memory(world.server, binding, sealed) == SECRET
    assert SECRET not in sealed
    for other in (Binding("0" * 16, "another", "/"), Binding("1" * 16, "browser-secret", "/")):
        with pytest.raises(PageError):
            open_memory(world.server, other, sealed)
    with pytest.raises(PageError):
        open_memory(replace(world.server, secret_key=os.urandom(32)), binding, sealed)


def test_neither_database_nor_browser_holds_it(world: OidcWorld, memory: OidcMemory) -> None:
    browser = world.client()
    away = browser.post(f"{ISSUER}/login/macau", data={"return_to": "/", "lang": "en"})
    assert away.status_code == 303
    (attempt,) = memory.tables["attempts"].values()
    for word in (b"nonce", b"code_verifier", b"verifier"):
        assert word not in attempt.memory
        assert word.decode() not in str(browser.cookies)


def test_the_callback_as_a_form(world: OidcWorld) -> None:
    browser = world.client()
    away = browser.post(f"{ISSUER}/login/macau", data={"return_to": "/", "lang": "en"})
    state = parse_qs(urlsplit(away.headers["location"]).query).get("state", ["x"])[0]
    answer = world.client().post(f"{ISSUER}/login/macau/callback", data={"code": "a b", "state": state})
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query == {"code": ["a b"], "state": [state]}
    assert answer.headers["location"].startswith(f"{ISSUER}/login/macau/callback?")
    assert world.client().post(f"{ISSUER}/login/nobody/callback", data={"code": "x"}).status_code == 404
    twice = "code=a&code=b"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert world.client().post(f"{ISSUER}/login/macau/callback", content=twice, headers=headers).status_code == 400


def test_memory_is_bounded() -> None:
    Redirection("https://x.example", bytes(MAX_MEMORY))
    with pytest.raises(ValueError, match="more than"):
        Redirection("https://x.example", bytes(MAX_MEMORY + 1))

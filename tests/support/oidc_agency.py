"""An agency as a client of the authorization server in memory: profile fapi2 unless told otherwise, and a browser in
which somebody is logged in.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from uuid import UUID, uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from broker.core.authorization import LoginSession, digest
from broker.core.client import Authentication, Client, Profile
from broker.oidc.client_auth.assertion import ASSERTION_TYPE
from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import ISSUER, OidcWorld
from tests.support.wallet_client import DpopKey, b64url

CALLBACK = "https://agency.example/callback"
GOODBYE = "https://agency.example/goodbye"
VERIFIER = "v" * 43
HIGH, SUBSTANTIAL = "urn:tongguan:acr:high", "urn:tongguan:acr:substantial"


def release(*claims: str, purpose: str = "age-check", **change: Any) -> dict[str, Any]:
    """One authorization detail of the agency."""
    return {
        "type": "identity_release",
        "claims": list(claims or ("over_18",)),
        "purpose": purpose,
        "recipient": "agency",
        "retention": "P1D",
        **change,
    }


class Agency:
    """`client` is what was registered; `person` is logged in to `browser`."""

    def __init__(self, world: OidcWorld, client_id: str = "agency-web", **change: Any) -> None:
        self.world = world
        self.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"}, private=True)
        self.dpop = DpopKey(world.clock.seconds)
        self.nonce: str | None = None
        self.browser, self.api = world.client(), world.client()
        self.person = uuid4()
        self.client = replace(self._registration(client_id), **change)
        self.change()

    @property
    def memory(self) -> OidcMemory:
        assert isinstance(self.world.storage, OidcMemory)
        return self.world.storage

    def change(self, **change: Any) -> None:
        """Register the client anew."""
        self.client = replace(self.client, **change)
        self.memory.keep_client(self.client)

    # --- the person ---

    def log_in(self, person: UUID | None = None, *, acr: str = HIGH, ago: float = 0) -> UUID:
        """A session in the browser; its id."""
        value, session_id = b64url(os.urandom(32)), uuid4()
        at = self.world.clock() - timedelta(seconds=ago)
        until = at + timedelta(hours=1)
        session = LoginSession(
            digest(value), person or self.person, "iamsmart", acr, at, at, until, ("pop",), session_id
        )
        self.memory.add_session(session)
        self.browser.cookies.set("tongguan-session", value, domain="broker.test", path="/")
        return session_id

    # --- the flow ---

    def request(self, **change: Any) -> dict[str, str]:
        asked: dict[str, Any] = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": "s",
            "nonce": "n",
            "code_challenge": b64url(sha256(VERIFIER.encode()).digest()),
            "code_challenge_method": "S256",
            **change,
        }
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in asked.items()
            if value is not None
        }

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        return jwt.encode({"alg": "ES256", "kid": "1", **header}, dict(claims), self.key)

    def assertion(self, **change: Any) -> dict[str, str]:
        now = int(self.world.clock.seconds())
        claims = {"iss": self.client.client_id, "sub": self.client.client_id, "aud": ISSUER, "jti": os.urandom(8).hex()}
        token = self.sign({**claims, "iat": now, "exp": now + 60, **change})
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}

    def credentials(self) -> dict[str, str]:
        if self.client.auth is Authentication.PRIVATE_KEY_JWT:
            return self.assertion()
        return {"client_id": self.client.client_id, "client_secret": "secret"}

    def push(self, **change: Any) -> httpx.Response:
        form = self.request(**change) | self.credentials()
        return self.api.post(f"{ISSUER}/oauth/par", data=form)

    def push_object(self, *, outside: Mapping[str, str] | None = None, **change: Any) -> httpx.Response:
        """The request as a signed object."""
        now = int(self.world.clock.seconds())
        claims = {"iss": self.client.client_id, "aud": ISSUER, "nbf": now, "exp": now + 300, **self.request(), **change}
        claims = {name: value for name, value in claims.items() if value is not None}
        form = {"request": self.sign(claims), **self.credentials(), **(outside or {})}
        return self.api.post(f"{ISSUER}/oauth/par", data=form)

    def authorize(self, **change: Any) -> dict[str, str]:
        """The parameters the browser brings back."""
        if self.client.profile is Profile.FAPI2:
            pushed = self.push(**change)
            assert pushed.status_code == 201, pushed.text
            return self.visit(pushed.json()["request_uri"])
        return self.follow(self.browser.get(f"{ISSUER}/oauth/authorize?{urlencode(self.request(**change))}"))

    def visit(self, request_uri: str) -> dict[str, str]:
        query = urlencode({"client_id": self.client.client_id, "request_uri": request_uri})
        return self.follow(self.browser.get(f"{ISSUER}/oauth/authorize?{query}"))

    def follow(self, response: httpx.Response) -> dict[str, str]:
        """To the callback's parameters, or the page's path under `page`."""
        for _ in range(8):
            if response.status_code != 303:
                return {"page": response.url.path, "status": str(response.status_code)}
            target = urljoin(str(response.url), response.headers["location"])
            if target.startswith((CALLBACK, GOODBYE)):
                return dict(parse_qsl(urlsplit(target).query))
            if urlsplit(target).path == "/login":
                return {"page": "/login"}
            response = self.browser.get(target)
        raise AssertionError("too many redirects")

    def token(self, **form: str) -> httpx.Response:
        """The token endpoint, with a proof and the nonce dance."""
        for _ in range(2):
            proof = self.dpop.proof("POST", f"{ISSUER}/oauth/token", nonce=self.nonce)
            answer = self.api.post(f"{ISSUER}/oauth/token", data=form | self.credentials(), headers={"DPoP": proof})
            self.nonce = answer.headers["dpop-nonce"]
            if answer.status_code != 400 or answer.json()["error"] != "use_dpop_nonce":
                break
        return answer

    def redeem(self, code: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = self.token(**form)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def tokens(self, **change: Any) -> dict[str, Any]:
        """Logged in, asked, redeemed."""
        self.log_in()
        return self.redeem(self.authorize(**change)["code"])

    def call(self, path: str, token: str, method: str = "GET", **arguments: Any) -> httpx.Response:
        """A protected resource."""
        for _ in range(2):
            proof = self.dpop.proof(method, f"{ISSUER}{path}", nonce=self.nonce, access_token=token)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            answer = self.api.request(method, f"{ISSUER}{path}", headers=headers, **arguments)
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            if "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                break
        return answer

    def userinfo(self, token: str) -> httpx.Response:
        return self.call("/oauth/userinfo", token)

    def introspect(self, token: str, **headers: str) -> httpx.Response:
        return self.api.post(f"{ISSUER}/oauth/introspect", data={"token": token, **self.credentials()}, headers=headers)

    def revoke(self, token: str) -> httpx.Response:
        return self.api.post(f"{ISSUER}/oauth/revoke", data={"token": token, **self.credentials()})

    def _registration(self, client_id: str) -> Client:
        return Client(
            client_id=client_id,
            profile=Profile.FAPI2,
            redirect_uris=frozenset({CALLBACK}),
            post_logout_redirect_uris=frozenset({GOODBYE}),
            scopes=frozenset({"openid", "profile", "offline_access", "partner"}),
            sector=f"{client_id}.example",
            partner_id="agency",
            names={"en": "The Agency"},
            auth=Authentication.PRIVATE_KEY_JWT,
            jwks={"keys": [self.key.as_dict(private=False)]},
            purposes=frozenset({"age-check", "sign-in"}),
            claims=frozenset({"over_18", "name", "given_name", "family_name", "birthdate", "document_number"}),
        )

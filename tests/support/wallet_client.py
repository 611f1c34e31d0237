"""A wallet without a screen: the ordinary public client (code, PKCE, DPoP) that the demonstration and the journeys
drive.

It walks the HTML pages of broker and provider as a person would, keeps a DPoP key and rotating tokens, and holds a
software P-256 key for each pass.
"""

import hashlib
import os
import ssl
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from broker.wire import device_proof
from broker.wire.qr_payload import TravelQr
from tests.support.html_forms import form_with, forms_of, submit
from tests.support.provider_pages import WALKS, Choice

MAX_HOPS = 20


class WalletError(Exception):
    """The broker or a provider said no. `status` and `body` are the answer's."""

    def __init__(self, doing: str, response: httpx.Response) -> None:
        super().__init__(f"{doing}: {response.status_code} {response.text[:600]}")
        self.status = response.status_code
        try:
            self.body: dict[str, Any] = response.json()
        except ValueError:
            self.body = {}


@dataclass(frozen=True)
class WalletPass:
    """A minted pass with the key that stays in the phone."""

    pass_id: str
    pass_bytes: bytes
    sealed_template: bytes | None
    expires_at: datetime
    private_key: ec.EllipticCurvePrivateKey


def b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class DpopKey:
    """A P-256 key and the proofs it makes (RFC 9449 4.2)."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._key = ECKey.generate_key("P-256")
        self._private = self._key.private_key
        self.jwk = self._key.as_dict(private=False)
        self.jkt = self._key.thumbprint()
        self._now = now

    def proof(
        self,
        method: str,
        url: str,
        *,
        nonce: str | None = None,
        access_token: str | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A proof; `header` and `claims` override, and a claim of None is left out."""
        body: dict[str, Any] = {
            "jti": b64url(os.urandom(16)),
            "htm": method,
            "htu": url,
            "iat": int(self._now()),
            "nonce": nonce,
            "ath": b64url(hashlib.sha256(access_token.encode()).digest()) if access_token else None,
            **claims,
        }
        body = {name: value for name, value in body.items() if value is not None}
        headers = {"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})}
        return jwt.encode(body, self._private, algorithm="ES256", headers=headers)


class WalletClient:
    """One person's wallet. `login`, then consents, enrolment and passes."""

    def __init__(
        self,
        broker_url: str,
        redirect_uri: str,
        *,
        return_to: str | None = None,
        client_id: str = "tongguan-wallet",
        ca: Path | None = None,
        browser: httpx.Client | None = None,
        api: httpx.Client | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca)) if ca else True
        self.broker_url = broker_url.rstrip("/")
        self.redirect_uri = redirect_uri
        self.return_to = return_to or urljoin(redirect_uri, "/consents")
        self.client_id = client_id
        self.browser = browser or httpx.Client(verify=verify, trust_env=False, timeout=30)
        self.api = api or httpx.Client(verify=verify, trust_env=False, timeout=60)
        self.now = now
        self.key = DpopKey(now)
        self.nonce: str | None = None
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.id_token: dict[str, Any] = {}
        self._expires_at = 0.0
        self._login_nonce: str | None = None

    def close(self) -> None:
        self.browser.close()
        self.api.close()

    # --- logging in ---

    def login(
        self, provider: str, person: str, *, share: list[str] | None = None, language: str = "en", **extra: str
    ) -> dict[str, Any]:
        """Log in as `person` at `provider`, sharing `share` (everything by default). Returns the ID token's claims."""
        verifier = b64url(os.urandom(32))
        answer = self.authorize(verifier, provider, person, share=share, language=language, **extra)
        if "code" not in answer:
            raise AssertionError(f"no code came back: {answer}")
        self.redeem(answer["code"], verifier)
        return self.id_token

    def authorize(
        self,
        verifier: str,
        provider: str,
        person: str,
        *,
        share: list[str] | None = None,
        language: str = "en",
        cancel: bool = False,
        **extra: str,
    ) -> dict[str, str]:
        """Walk from the authorization request to the redirect back; the answer's parameters, `state` and `iss`
        checked.
        """
        state, nonce = b64url(os.urandom(16)), b64url(os.urandom(16))
        page = self.follow(
            self.browser.get(self.authorization_url(verifier, state, nonce, ui_locales=language, **extra))
        )
        if isinstance(page, httpx.Response):
            page = self.at_provider(page, provider, person, share=share, cancel=cancel)
        if isinstance(page, httpx.Response):
            raise WalletError("logging in", page)
        if page.get("state") != state or page.get("iss") != self.broker_url:
            raise AssertionError(f"state or iss is wrong: {page}")
        self._login_nonce = nonce
        return page

    def authorization_url(self, verifier: str, state: str, nonce: str, **extra: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid wallet",
            "state": state,
            "nonce": nonce,
            "code_challenge": b64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            **extra,
        }
        return f"{self.broker_url}/oauth/authorize?{urlencode({k: v for k, v in query.items() if v})}"

    def at_provider(
        self, page: httpx.Response, provider: str, person: str, *, share: list[str] | None = None, cancel: bool = False
    ) -> httpx.Response | dict[str, str]:
        """From the broker's choice of provider through the provider's pages; then wherever that leads."""
        choice = next(f for f in forms_of(page) if f.action.endswith(f"/login/{provider}"))
        left = self._leave(submit(self.browser, page, choice))
        return self.follow(WALKS[provider](self.browser, left, Choice(person, share, cancel)))

    def redeem(self, code: str, verifier: str) -> dict[str, Any]:
        """Exchange the code; tokens are kept. Returns the token response."""
        body = self.token(
            grant_type="authorization_code", code=code, redirect_uri=self.redirect_uri, code_verifier=verifier
        )
        return self._keep(body, nonce=self._login_nonce)

    def refresh(self) -> dict[str, Any]:
        """Rotate the refresh token."""
        return self._keep(self.token(grant_type="refresh_token", refresh_token=self.refresh_token or ""), nonce=None)

    def token(self, **form: str) -> dict[str, Any]:
        """The token endpoint, with a DPoP proof and the nonce dance (RFC 9449 8)."""
        url = f"{self.broker_url}/oauth/token"
        data = {"client_id": self.client_id, **form}
        response = self._send("POST", url, bound=False, data=data)
        if response.status_code != 200:
            raise WalletError("token", response)
        body: dict[str, Any] = response.json()
        return body

    def logout(self) -> None:
        """Revoke the grant and forget the tokens."""
        data = {"client_id": self.client_id, "token": self.refresh_token or ""}
        self.api.post(f"{self.broker_url}/oauth/revoke", data=data).raise_for_status()
        self.access_token = self.refresh_token = None

    # --- the wallet API ---

    def give_consent(self, purpose: str, zone: str | None = None, *, agree: bool = True, language: str = "en") -> str:
        """Agree (or refuse) on the broker's consent page. Returns the consent id, or `denied`."""
        query = {"purpose": purpose, "traveller": self.id_token["sub"], "return_to": self.return_to, "lang": language}
        query |= {"zone": zone} if zone else {}
        page = self._page(self.browser.get(f"{self.broker_url}/consent?{urlencode(query)}"))
        form = form_with(page, "decision", "agree")
        if form.ticked:
            raise AssertionError("the consent page ticks something beforehand")
        press = ("decision", "agree" if agree else "refuse")
        answer = self.follow(submit(self.browser, page, form, press=press, tick=form.checkboxes if agree else []))
        if isinstance(answer, httpx.Response):
            raise WalletError("consent", answer)
        return answer["consent"]

    def enrol(self, jpeg: bytes) -> dict[str, Any]:
        """Send a capture; raises WalletError with the broker's reason."""
        return self.call("POST", "/enrolment", content=jpeg, content_type="image/jpeg")

    def mint(self, zone: str, mode: str = "online", n: int = 1) -> list[WalletPass]:
        """`n` passes, each with a fresh key."""
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(n)]
        points = [k.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint) for k in keys]
        order = {"zone": zone, "mode": mode, "device_keys": [b64url(point) for point in points]}
        answer = self.call("POST", "/passes", json=order)
        return [
            WalletPass(
                pass_id=made["pass_id"],
                pass_bytes=_from_b64url(made["pass"]),
                sealed_template=_from_b64url(made["sealed_template"]) if made["sealed_template"] else None,
                expires_at=datetime.fromisoformat(made["expires_at"]),
                private_key=key,
            )
            for made, key in zip(answer["passes"], keys, strict=True)
        ]

    def qr_text(self, minted: WalletPass, at: datetime | None = None) -> str:
        """What the phone shows at that moment: pass, counter, a fresh device proof, and the sealed template if
        offline.
        """
        counter = device_proof.counter_at(at or datetime.fromtimestamp(self.now(), UTC))
        proof = device_proof.sign(minted.private_key, minted.pass_bytes, counter)
        return TravelQr(minted.pass_bytes, counter, proof, minted.sealed_template).to_text()

    def me(self) -> dict[str, Any]:
        return self.call("GET", "/me")

    def consents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/consents")["consents"]
        return found

    def withdraw(self, consent_id: str) -> dict[str, Any]:
        return self.call("POST", f"/consents/{consent_id}/withdraw")

    def revoke_pass(self, pass_id: str) -> dict[str, Any]:
        return self.call("POST", f"/passes/{pass_id}/revoke")

    def uses(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/uses")["uses"]
        return found

    def erase(self) -> dict[str, Any]:
        return self.call("DELETE", "/account")

    def call(self, method: str, path: str, *, content_type: str | None = None, **body: Any) -> dict[str, Any]:
        """One wallet API request; refreshes a token about to expire. Raises WalletError."""
        if self.refresh_token and self.now() > self._expires_at - 30:
            self.refresh()
        headers = {"Content-Type": content_type} if content_type else {}
        response = self._send(method, f"{self.broker_url}/wallet/v1{path}", bound=True, headers=headers, **body)
        if response.status_code >= 300:
            raise WalletError(f"{method} {path}", response)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    # --- details ---

    def follow(self, response: httpx.Response) -> httpx.Response | dict[str, str]:
        """Follow redirects like a browser, until a page, or until they lead back to the wallet: then the parameters."""
        for _ in range(MAX_HOPS):
            if response.status_code not in (302, 303):
                return response
            target = urljoin(str(response.url), response.headers["location"])
            if target.startswith((self.redirect_uri, self.return_to)):
                return dict(parse_qsl(urlsplit(target).query))
            response = self.browser.get(target)
        raise AssertionError("too many redirects")

    def _leave(self, response: httpx.Response) -> httpx.Response:
        """The provider's first answer: the broker's redirect is followed once, or its page is returned."""
        if response.status_code not in (302, 303):
            raise AssertionError(f"the broker did not send us on: {response.text[:2000]}")
        return self.browser.get(urljoin(str(response.url), response.headers["location"]))

    def _page(self, response: httpx.Response) -> httpx.Response:
        page = self.follow(response)
        if not isinstance(page, httpx.Response) or page.status_code != 200:
            raise AssertionError(f"expected a page, got {page}: {getattr(page, 'text', '')[:2000]}")
        return page

    def _send(
        self, method: str, url: str, *, bound: bool, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        """Send with a proof; when the broker asks for its nonce, once more with it."""
        response = None
        for _ in range(2):
            token = self.access_token if bound else None
            proof = self.key.proof(method, url, nonce=self.nonce, access_token=token)
            sent = {**(headers or {}), "DPoP": proof} | ({"Authorization": f"DPoP {token}"} if bound else {})
            response = self.api.request(method, url, headers=sent, **body)
            self.nonce = response.headers.get("dpop-nonce", self.nonce)
            asked = "use_dpop_nonce" in response.text or "use_dpop_nonce" in response.headers.get(
                "www-authenticate", ""
            )
            if response.status_code not in (400, 401) or not asked:
                break
        assert response is not None
        return response

    def _keep(self, body: dict[str, Any], *, nonce: str | None) -> dict[str, Any]:
        keys = jwt.PyJWKSet.from_dict(self.api.get(f"{self.broker_url}/oauth/jwks").json())
        key = keys[jwt.get_unverified_header(body["id_token"])["kid"]]
        options: Any = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(
            body["id_token"],
            key,
            algorithms=["ES256"],
            audience=self.client_id,
            issuer=self.broker_url,
            options=options,
        )
        if claims.get("nonce") != nonce:
            raise AssertionError("the ID token carries another nonce")
        self.id_token = claims
        self.access_token, self.refresh_token = body["access_token"], body["refresh_token"]
        self._expires_at = self.now() + body["expires_in"]
        return body


def _from_b64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))

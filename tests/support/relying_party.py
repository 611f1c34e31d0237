"""A relying party that can also do everything wrong: each parameter, assertion and proof can be changed or left out."""

from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import httpx
import jwt as pyjwt
from joserfc import jwt
from joserfc.jwk import Key

from broker.core.client import Profile
from tests.support.person_browser import PersonBrowser
from tests.support.sandbox_world import BASIC, BASIC_POST, ISSUER, SECRET, SandboxWorld, random_string, redirect_uri
from tests.support.wallet_client import DpopKey, b64url

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER: Final = "v" * 43
DETAILS: Final = (
    '[{"type":"identity_release","claims":["over_18"],"purpose":"age-check","recipient":"harbour-bank",'
    '"retention":"P1D","frequency":{"times":5,"per":"P1D"}}]'
)


def challenge_of(verifier: str) -> str:
    return b64url(sha256(verifier.encode()).digest())


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Tokens:
    """A token response, its ID token verified."""

    body: dict[str, Any]
    id_token: dict[str, Any] = field(default_factory=dict)

    @property
    def access_token(self) -> str:
        return str(self.body["access_token"])


@dataclass
class RelyingParty:
    """One client of the world and one person's browser. fapi2 pushes, signs assertions and proves possession;
    oidc_basic sends its request through the browser and authenticates with its secret.
    """

    world: SandboxWorld
    client_id: str

    def __post_init__(self) -> None:
        self.api = self.world.http()
        self.browser = PersonBrowser(self.world.http())
        self.profile = Profile.OIDC_BASIC if self.client_id in (BASIC, BASIC_POST) else Profile.FAPI2
        self.dpop = DpopKey(self.world.clock.seconds)
        self.nonce: str | None = None
        self.redirect_uri = redirect_uri(self.client_id)

    @property
    def fapi(self) -> bool:
        return self.profile is Profile.FAPI2

    # --- what it sends ---

    def request(self, **change: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        plain: dict[str, Any] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": random_string(20),
            "nonce": random_string(20),
        }
        if self.fapi:
            plain |= {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
        return without_none(plain | change)

    def assertion(self, *, key: Key | None = None, alg: str | None = None, **change: Any) -> str:
        """A client assertion (RFC 7523 3); a claim of None is left out."""
        now = int(self.world.clock.seconds())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "jti": random_string(20),
            "iat": now,
            "exp": now + 60,
        }
        return self.sign(without_none(claims | change), key=key, alg=alg)

    def sign(
        self, claims: dict[str, Any], *, key: Key | None = None, alg: str | None = None, typ: str | None = None
    ) -> str:
        """A JWT under the client's key."""
        used = key or self.world.keys[self.client_id]
        alg = alg or ("ES256" if used.key_type == "EC" else "PS256")
        header = without_none({"alg": alg, "kid": used.kid, "typ": typ})
        return jwt.encode(header, claims, used, algorithms=[alg])

    def request_object(self, parameters: dict[str, str], **change: Any) -> dict[str, str]:
        """The parameters as a signed request object (RFC 9101 5.2), and nothing beside it."""
        now = int(self.world.clock.seconds())
        claims = {"iss": self.client_id, "aud": ISSUER, "nbf": now, "exp": now + 60, **parameters, **change}
        return {"request": self.sign(claims, typ="oauth-authz-req+jwt")}

    def authentication(self, **assertion: Any) -> tuple[dict[str, str], dict[str, str]]:
        """Form fields and headers that say which client this is."""
        if self.client_id == BASIC:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(SECRET)}"
            return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        if self.client_id == BASIC_POST:
            return {"client_id": self.client_id, "client_secret": SECRET}, {}
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(**assertion)}
        return {"client_id": self.client_id, **form}, {}

    # --- the flow ---

    def push(
        self,
        parameters: dict[str, str],
        *,
        form: dict[str, str] | None = None,
        proof_by: DpopKey | None = None,
        headers: dict[str, str] | None = None,
        **assertion: Any,
    ) -> httpx.Response:
        """PAR (RFC 9126). `form` replaces the authentication, `proof_by` adds a DPoP proof."""
        url = f"{ISSUER}/oauth/par"
        for _ in range(2):
            fields, sent = self.authentication(**assertion) if form is None else (form, {})
            sent = {**sent, **(headers or {})}
            if proof_by is not None:
                sent["DPoP"] = proof_by.proof("POST", url, nonce=self.nonce)
            answer = self.api.post(url, data={**parameters, **fields}, headers=sent)
            if not self._nonce_wanted(answer):
                break
        return answer

    def pushed(self, parameters: dict[str, str], **how: Any) -> str:
        """The request_uri of a push that must succeed (RFC 9126 2.2)."""
        answer = self.push(parameters, **how)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert body["request_uri"]
        assert 5 <= body["expires_in"] <= 600, body  # FAPI 2.0 Security Profile 5.3.2.2: less than 600 seconds
        return str(body["request_uri"])

    def url(self, parameters: dict[str, str]) -> str:
        return f"{ISSUER}/oauth/authorize?{urlencode(parameters)}"

    def url_of_pushed(self, uri: str, **beside: str) -> str:
        return self.url({"client_id": self.client_id, "request_uri": uri, **beside})

    def authorize(self, parameters: dict[str, str] | None = None, **how: Any) -> httpx.Response | dict[str, str]:
        """From the request to whatever arrives at the redirect URI, or the page where it ended."""
        asked = self.request() if parameters is None else parameters
        url = self.url_of_pushed(self.pushed(asked, **how)) if self.fapi else self.url(asked)
        return self.browser.go(url, back_at=asked.get("redirect_uri", self.redirect_uri))

    def code(self, parameters: dict[str, str] | None = None, **how: Any) -> str:
        """The code of an authorization that must succeed; state and iss are checked (RFC 9207)."""
        asked = self.request() if parameters is None else parameters
        answer = self.authorize(asked, **how)
        assert isinstance(answer, dict), (answer.status_code, answer.text[:3000])
        assert answer.keys() == {"code", "iss"} | ({"state"} if "state" in asked else set()), answer
        assert answer.get("state") == asked.get("state")
        assert answer["iss"] == ISSUER
        return answer["code"]

    def token(
        self,
        *,
        form: dict[str, str] | None = None,
        proof_by: DpopKey | None = None,
        proof: bool = True,
        proof_claims: dict[str, Any] | None = None,
        assertion: dict[str, Any] | None = None,
        **grant: str | None,
    ) -> httpx.Response:
        """The token endpoint. `form` replaces the authentication; `proof=False` leaves the DPoP proof out."""
        url = f"{ISSUER}/oauth/token"
        for _ in range(2):
            fields, headers = self.authentication(**(assertion or {})) if form is None else (form, {})
            if self.fapi and proof:
                key = proof_by or self.dpop
                headers = {**headers, "DPoP": key.proof("POST", url, nonce=self.nonce, **(proof_claims or {}))}
            answer = self.api.post(url, data={**without_none(grant), **fields}, headers=headers)
            if not self._nonce_wanted(answer):
                break
        return answer

    def redeem(self, code: str, **change: Any) -> httpx.Response:
        grant: dict[str, Any] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER if self.fapi else None,
        }
        return self.token(**(grant | change))

    def tokens(self, parameters: dict[str, str] | None = None, **change: Any) -> Tokens:
        """A whole flow that must succeed; the ID token is verified against the request."""
        asked = self.request() if parameters is None else parameters
        answer = self.redeem(self.code(asked), **change)
        return self.checked(answer, nonce=asked.get("nonce"))

    def checked(self, answer: httpx.Response, *, nonce: str | None = None) -> Tokens:
        """The tokens of a successful response (RFC 6749 5.1, OpenID Connect Core 3.1.3.3 and 3.1.3.7)."""
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert body["token_type"].lower() == ("dpop" if self.fapi else "bearer")
        assert body["expires_in"] > 0
        claims = self.verified_id_token(body["id_token"], body["access_token"], nonce=nonce)
        return Tokens(body, claims)

    def verified_id_token(self, token: str, access_token: str | None, *, nonce: str | None) -> dict[str, Any]:
        header = pyjwt.get_unverified_header(token)
        published = {key["kid"]: key for key in self.api.get("/oauth/jwks").json()["keys"]}
        key = pyjwt.PyJWK(published[header["kid"]])
        claims: dict[str, Any] = pyjwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            audience=self.client_id,
            issuer=ISSUER,
            # The times by the world's clock, below, and not by the machine's.
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        now = self.world.clock.seconds()
        assert claims["iat"] <= now < claims["exp"]
        assert header["alg"] in ("ES256", "PS256", "EdDSA")  # FAPI 2.0 Security Profile 5.4.1
        assert 1 <= len(claims["sub"]) <= 255
        assert claims["sub"].isascii()
        if nonce is not None:
            assert claims["nonce"] == nonce
        else:
            assert "nonce" not in claims
        if access_token is not None:
            assert claims["at_hash"] == b64url(sha256(access_token.encode()).digest()[:16])
        return claims

    def userinfo(
        self,
        access_token: str,
        *,
        method: str = "GET",
        scheme: str | None = None,
        proof_by: DpopKey | None = None,
        proof: str | list[str] | None = None,
        **proof_claims: Any,
    ) -> httpx.Response:
        """The protected resource. `proof` is sent as it is (a list: as several headers)."""
        url = f"{ISSUER}/oauth/userinfo"
        scheme = scheme or ("DPoP" if self.fapi else "Bearer")
        for _ in range(2):
            headers = [("Authorization", f"{scheme} {access_token}")]
            if proof is not None:
                headers += [("DPoP", one) for one in ([proof] if isinstance(proof, str) else proof)]
            elif self.fapi:
                key = proof_by or self.dpop
                made = {"nonce": self.nonce, "access_token": access_token, **proof_claims}
                headers += [("DPoP", key.proof(method, url, **made))]
            answer = self.api.request(method, url, headers=headers)
            if not self._nonce_wanted(answer) or proof is not None:
                break
        return answer

    def _nonce_wanted(self, answer: httpx.Response) -> bool:
        self.nonce = answer.headers.get("dpop-nonce", self.nonce)
        return "use_dpop_nonce" in answer.headers.get("www-authenticate", "") or (
            answer.status_code == 400 and "use_dpop_nonce" in answer.text
        )


def refused(answer: httpx.Response, *errors: str, status: tuple[int, ...] = (400, 401)) -> None:
    """An error of the token or PAR endpoint in its form (RFC 6749 5.2): one of `errors`, with a legal description."""
    assert answer.status_code in status, (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert body["error"] in errors, body
    description = body.get("error_description", "x")
    assert description
    assert all(0x20 <= ord(c) <= 0x7E and c not in '"\\' for c in description), description
    if body["error"] != "invalid_client":
        assert answer.status_code == 400

"""A partner agency in Python: ask a person, get a token, read what they agreed to.

    pip install httpx pyjwt cryptography
    python tongguan_agency.py --issuer https://broker.example --client-id my-client --partner my-agency \
        --key signing-key.pem --kid my-key --redirect-uri http://127.0.0.1:8700/callback \
        --purpose age-check --claim over_18

The signing key (P-256, PEM) is the private half of a key in your published key set. The program prints the address to
send the person to, waits for them to come back, and prints their claims as JSON.
"""

import argparse
import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class Agency:
    """One client of the broker. The DPoP key is new in each run: tokens are worth nothing without it."""

    def __init__(self, issuer: str, client_id: str, key: ec.EllipticCurvePrivateKey, kid: str) -> None:
        self.http = httpx.Client(timeout=30)
        self.server = self.http.get(f"{issuer}/.well-known/openid-configuration").raise_for_status().json()
        if self.server["issuer"] != issuer:
            raise SystemExit("the metadata belongs to another issuer")
        self.client_id, self.key, self.kid = client_id, key, kid
        self.dpop_key = ec.generate_private_key(ec.SECP256R1())
        self.nonce: str | None = None

    def assertion(self) -> str:
        """private_key_jwt (RFC 7523): proves the client; good for one request."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.client_id, "sub": self.client_id, "aud": self.server["issuer"]}
        claims |= {"jti": secrets.token_urlsafe(16), "iat": now, "exp": now + 60}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.kid})

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """DPoP (RFC 9449): binds a request, and the token in it, to our key."""
        claims: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        if token:
            claims["ath"] = b64url(hashlib.sha256(token.encode()).digest())
        if self.nonce:
            claims["nonce"] = self.nonce
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.dpop_key.public_key()))
        jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        return jwt.encode(claims, self.dpop_key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk})

    def send(self, method: str, url: str, *, token: str | None = None, form: dict[str, str] | None = None) -> Any:
        """One request with a proof; once more when the broker asks for its nonce."""
        for _ in range(2):
            headers, body = {"DPoP": self.proof(method, url, token)}, None
            if token:
                headers["Authorization"] = f"DPoP {token}"
            if form is not None:
                authentication = {
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": self.assertion(),
                }
                body = {"client_id": self.client_id, **authentication, **form}
            answer = self.http.request(method, url, headers=headers, data=body)
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            if "use_dpop_nonce" not in answer.headers.get("www-authenticate", "") + answer.text[:200]:
                break
        if answer.is_error:
            raise SystemExit(f"{url} answers {answer.status_code}: {answer.text}")
        return answer.json()

    def ask(self, redirect_uri: str, details: list[dict[str, Any]], state: str, challenge: str) -> str:
        """Push the request (RFC 9126) and return the address to send the person to."""
        form = {
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": "openid",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "authorization_details": json.dumps(details),
        }
        pushed = self.send("POST", self.server["pushed_authorization_request_endpoint"], form=form)
        query = urlencode({"client_id": self.client_id, "request_uri": pushed["request_uri"]})
        return f"{self.server['authorization_endpoint']}?{query}"

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Any:
        """The code for a token that our DPoP key alone can use."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self.send("POST", self.server["token_endpoint"], form=form | {"code_verifier": verifier})


def come_back(redirect_uri: str) -> dict[str, str]:
    """Wait for the person at our redirect URI; return the parameters they bring."""
    found: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.update({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Thank you. You can close this page.")

        def log_message(self, *arguments: Any) -> None:
            pass

    address = urlsplit(redirect_uri)
    with HTTPServer((address.hostname or "", address.port or 80), Handler) as server:
        while not found:
            server.handle_request()
    return found


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("issuer", "client-id", "partner", "key", "kid", "redirect-uri", "purpose"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--claim", action="append", required=True)
    given = parser.parse_args()

    key = load_pem_private_key(Path(given.key).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SystemExit("the signing key is not an EC key")
    agency = Agency(given.issuer, given.client_id, key, given.kid)
    details = [
        {
            "type": "identity_release",
            "purpose": given.purpose,
            "recipient": given.partner,
            "claims": given.claim,
            "retention": "P1D",
        }
    ]
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    challenge = b64url(hashlib.sha256(verifier.encode()).digest())
    sys.stderr.write(agency.ask(given.redirect_uri, details, state, challenge) + "\n")

    answer = come_back(given.redirect_uri)
    if answer.get("state") != state or answer.get("iss") != given.issuer:  # RFC 9207: from this broker, to this request
        raise SystemExit("this answer belongs to another request")
    if "error" in answer:
        raise SystemExit(f"the person or the broker said no: {answer['error']}")
    tokens = agency.redeem(answer["code"], given.redirect_uri, verifier)
    claims = agency.send("GET", f"{given.issuer}/agencies/v1/claims", token=tokens["access_token"])
    sys.stdout.write(json.dumps(claims, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""Notices from server to server: Security Event Tokens (RFC 8417) pushed to the client (RFC 8935)."""

import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

EVENTS: Final = "urn:mo:conta-unica:evento:"
MEDIA_TYPE: Final = "application/secevent+jwt"
ATTEMPTS: Final = 3

Post = Callable[[str, bytes, str], Awaitable[int]]
"""(url, body, media type) -> status; 0 for no answer."""


def post_with(trusted_ca: Path | None) -> Post:
    """Over the network, 5 s, believing `trusted_ca` or the system's authorities."""
    trust = ssl.create_default_context(cafile=trusted_ca)

    async def post(url: str, body: bytes, media_type: str) -> int:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5, verify=trust) as http:
                answer = await http.post(url, content=body, headers={"Content-Type": media_type})
        except httpx.HTTPError:
            return 0
        return answer.status_code

    return post


def event_token(
    key: ECKey, *, kid: str, issuer: str, audience: str, subject: str, event: str, now: int, **body: Any
) -> bytes:
    """A signed event. `jti` is its id: a second delivery carries the same."""
    header = {"alg": "ES256", "typ": "secevent+jwt", "kid": kid}
    claims = {
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "jti": secrets.token_urlsafe(16),
        "sub": subject,
        "events": {EVENTS + event: body},
    }
    return jwt.encode(header, claims, key).encode()


async def deliver(send: Post, url: str, token: bytes, pause: Callable[[float], Awaitable[None]]) -> bool:
    """Up to ATTEMPTS times, a second apart; whether it was accepted."""
    for attempt in range(ATTEMPTS):
        if attempt:
            await pause(1.0)
        if 200 <= await send(url, token, MEDIA_TYPE) < 300:
            return True
    return False

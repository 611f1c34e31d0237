"""PKCE verification (RFC 7636 4.6)."""

import hmac
import re
from typing import Final

# The transformation is the well-kept library's own. Its check as a whole belongs to its server framework and does not
# compare in constant time, so form and comparison are here.
from authlib.oauth2.rfc7636 import create_s256_code_challenge

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1


def verifier_matches(verifier: str | None, challenge: str | None) -> bool:
    """A verifier without a challenge is refused as a challenge without a verifier is (RFC 9700 2.1.1, 4.8.2)."""
    if challenge is None:
        return verifier is None
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(create_s256_code_challenge(verifier), challenge)

"""iAM Smart's machine interface: every request signed, its content sealed, its answer opened.

One exchange, in order: (1) a content key, fetched when there is none; (2) the content sealed, the request signed;
(3) a code that blames the key fetches a new one and asks once more; (4) any other code but success is an error of the
table; (5) the answer's content opens under the key the request was sealed with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from broker.wire.identity_connector import ConnectorError, ProviderFault
from broker.wire.keys import Entropy
from connectors.fetch import MAX_JSON, Fetcher
from connectors.iamsmart.answer import SUCCESS, Answer, AnswerError, read_answer
from connectors.iamsmart.codes import meaning
from connectors.iamsmart.content_key import KEY_BYTES, UnwrapError, unwrap
from connectors.iamsmart.content_keys import ContentKey, ContentKeys
from connectors.iamsmart.envelope import (
    IV_BYTES,
    EnvelopeError,
    compact_json,
    open_envelope,
    read_object,
    seal_json,
)  # fmt: skip
from connectors.iamsmart.request_signature import signed_headers
from connectors.iamsmart.settings import IamSmartSettings

_LONGEST: Final = timedelta(days=1)


@dataclass(frozen=True)
class Opened:
    """An answer's content, and its text as it was sealed."""

    members: dict[str, Any] = field(repr=False)
    raw: bytes = field(repr=False)


class Api:
    """One service at one iAM Smart. Safe under threads."""

    def __init__(
        self, settings: IamSmartSettings, private_key: rsa.RSAPrivateKey, fetch: Fetcher, entropy: Entropy
    ) -> None:
        self._settings = settings
        self._private_key = private_key
        self._fetch = fetch
        self._entropy = entropy
        self.base = f"{settings.issuer}/api/v1"
        self.keys = ContentKeys(self._get_key)

    def post(self, path: str, content: Mapping[str, Any], *, at: datetime, limit: int = MAX_JSON) -> Opened:
        """`path` starts with a slash, below /api/v1. Raises ConnectorError."""
        key = self.keys.current(at)
        answer = self._exchange(path, key, content, at=at, limit=limit)
        if answer.code != SUCCESS and meaning(answer.code).renews_key:
            key = self.keys.renewed(key, at)
            answer = self._exchange(path, key, content, at=at, limit=limit)
        if answer.code != SUCCESS:
            raise self.refused(answer.code)
        return self.open(key.key, answer.content)

    def open(self, key: bytes, content: object) -> Opened:
        """Raises ConnectorError: untrusted for another key's seal, garbled for what is no JSON object inside it."""
        if content is None:
            return Opened({}, b"")
        try:
            raw = open_envelope(key, content)
        except EnvelopeError as error:
            raise self.error(ProviderFault.UNTRUSTED, str(error)) from None
        try:
            return Opened(read_object(raw), raw)
        except EnvelopeError as error:
            raise self.error(ProviderFault.GARBLED, str(error)) from None

    def unwrapped(self, wrapped: str) -> bytes:
        """A content key that somebody wrapped to our certificate. Anybody can: it proves nothing. What does not open
        gives a random key, so that whoever sends it is treated alike and learns nothing about the padding (RFC 8017
        7.2.2, note).
        """
        try:
            return unwrap(wrapped, self._private_key, self._settings.key_wrap)
        except UnwrapError:
            return self._entropy(KEY_BYTES)

    def provider_time(self, at: datetime) -> datetime:
        """`at` by the provider's clock, as far as its answers showed it."""
        return at + self._fetch.offset

    def refused(self, code: str) -> ConnectorError:
        """What a code means."""
        found = meaning(code)
        return ConnectorError(self._fetch.provider, found.fault, found.text, code=code)

    def error(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return self._fetch.error(fault, detail)

    def read(self, raw: bytes) -> Answer:
        try:
            return read_answer(raw)
        except AnswerError as error:
            raise self.error(ProviderFault.GARBLED, str(error)) from None

    def _exchange(self, path: str, key: ContentKey, content: Mapping[str, Any], *, at: datetime, limit: int) -> Answer:
        sealed = seal_json(key.key, dict(content), iv=self._entropy(IV_BYTES))
        return self._send(path, compact_json({"content": sealed}), at=at, limit=limit)

    def _send(self, path: str, body: bytes, *, at: datetime, limit: int) -> Answer:
        headers = signed_headers(
            self._settings.client_secret.get_secret_value(),
            client_id=self._settings.client_id,
            timestamp=str(int(self.provider_time(at).timestamp() * 1000)),
            nonce=self._entropy(16).hex(),
            body=body,
            rule=self._settings.signature_rule,
        )
        answer = self._fetch.send("POST", self.base + path, headers=headers, content=body, limit=limit)
        if answer.status == 429:
            raise self.error(ProviderFault.QUOTA, f"{path} answered 429")
        if answer.status != 200:
            raise self.error(ProviderFault.REFUSED, f"{path} answered {answer.status}")
        return self.read(answer.body)

    def _get_key(self, at: datetime) -> ContentKey:
        """`pubKey` is not looked at: a key wrapped to any other than ours does not open."""
        answer = self._send("/security/getKey", b"{}", at=at, limit=MAX_JSON)
        if answer.code != SUCCESS:
            raise self.refused(answer.code)
        content = answer.content if isinstance(answer.content, dict) else {}
        issued, lifetime = moment(content.get("issueAt")), duration(content.get("expiresIn"))
        if issued is None or lifetime is None:
            raise self.error(ProviderFault.GARBLED, "the content key has no readable lifetime")
        try:
            key = unwrap(content.get("secretKey"), self._private_key, self._settings.key_wrap)
        except UnwrapError as error:
            raise self.error(ProviderFault.MISCONFIGURED, str(error)) from None
        # By our clock, and never from a moment to come: a clock that runs ahead must not make the key last longer.
        return ContentKey(key, min(issued - self._fetch.offset, at) + min(lifetime, _LONGEST))


def moment(value: object) -> datetime | None:
    """Milliseconds since 1970, a number or decimal text; None for anything else or past the year 2200."""
    number = _number(value)
    return datetime.fromtimestamp(number / 1000, UTC) if number is not None and number < 7_258_118_400_000 else None


def duration(value: object) -> timedelta | None:
    """Milliseconds, more than none and at most ten years."""
    number = _number(value)
    return timedelta(milliseconds=number) if number is not None and 0 < number < 315_360_000_000 else None


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

"""What comes back: `{txID, code, message, content}`, and a server callback, which may add `secretKey`."""

from dataclasses import dataclass, field
from typing import Any, Final

from connectors.iamsmart.envelope import EnvelopeError, read_object

SUCCESS: Final = "D00000"
_MAX_CODE: Final = 16


class AnswerError(Exception):
    """Not an answer of this dialect."""


@dataclass(frozen=True)
class Answer:
    """`content`: an envelope, or an object where the dialect sends one in clear (`getKey`), or None."""

    tx_id: str
    code: str
    content: str | dict[str, Any] | None = field(repr=False)
    secret_key: str | None = field(default=None, repr=False)


def read_answer(raw: bytes) -> Answer:
    """Raises AnswerError and nothing else. `message` is free text for people and is not read."""
    try:
        members = read_object(raw)
    except EnvelopeError as error:
        raise AnswerError(str(error)) from None
    code, tx_id = members.get("code"), members.get("txID")
    content, secret_key = members.get("content"), members.get("secretKey")
    if not isinstance(code, str) or not 1 <= len(code) <= _MAX_CODE or not code.isalnum() or not code.isascii():
        raise AnswerError("the answer has no code")
    if not isinstance(tx_id, str) or len(tx_id) > 100:
        raise AnswerError("the answer has no txID")
    if not isinstance(content, str | dict | None) or not isinstance(secret_key, str | None):
        raise AnswerError("the answer's content is neither an envelope nor an object")
    return Answer(tx_id, code, content or None, secret_key or None)

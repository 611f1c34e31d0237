"""The codes this mock answers with. S codes are synthetic: specs/iamsmart.md 8."""

from enum import StrEnum


class Code(StrEnum):
    SUCCESS = "D00000"
    CANCELLED = "D40000"
    REJECTED = "D40001"
    TIMED_OUT = "D40003"
    OTHER_CLIENT = "D40004"
    REDIRECT_NOT_LISTED = "D20008"
    NO_CERTIFICATE = "M30001"
    NO_KEY = "M30002"
    CRYPTO = "M30003"
    SIGNATURE = "S10001"
    TIMESTAMP = "S10002"
    NONCE = "S10003"
    UNKNOWN_CLIENT = "S10004"
    PARAMETER = "S10005"
    TOKEN = "S20001"  # noqa: S105  a code, not a token
    SCOPE = "S20002"
    NO_SUCH_REQUEST = "S20003"
    FROZEN = "S20004"
    PENDING = "S20005"
    CODE_DEAD = "S20006"
    ANOTHER_NUMBER = "S20007"
    CANNOT_SIGN = "S20008"


class Refusal(Exception):
    """A request that ends in a code."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code

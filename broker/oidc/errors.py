"""OAuth errors: `error` and `error_description` are for the client, `cause` is for the operator's log."""

from collections.abc import Mapping


class OAuthError(Exception):
    """An error response of RFC 6749 4.1.2.1 or 5.2. Frozen by convention: raised once, rendered once."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})
        self.cause = cause


class ResourceError(OAuthError):
    """A protected resource refused the request: RFC 6750 3.1 with the DPoP scheme (RFC 9449 7.1). `error` may be
    empty when no token came.
    """


class PageError(Exception):
    """A request that may not be answered by redirect: the person sees a page of their own (RFC 6749 4.1.2.1). `key`
    names its text.
    """

    def __init__(self, key: str, *, status: int = 400, cause: str = "") -> None:
        super().__init__(f"{key}: {cause}")
        self.key = key
        self.status = status
        self.cause = cause

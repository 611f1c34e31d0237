"""Whether the person must log in first (OpenID Connect Core 3.1.2.3)."""

from datetime import datetime, timedelta

from broker.core.authorization import AuthorizationRequest, LoginSession


def login_needed(
    request: AuthorizationRequest, session: LoginSession | None, *, asked_at: datetime, at: datetime
) -> bool:
    """True when there is no session, or the request asks for a fresher one. A session begun after `asked_at` is fresh
    for `prompt`.
    """
    if session is None:
        return True
    if request.prompt & {"login", "select_account"} and session.created_at < asked_at:
        return True
    return request.max_age is not None and session.auth_time + timedelta(seconds=request.max_age) < at

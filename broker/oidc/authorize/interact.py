"""Whether the person must log in first, and whether the login that is there will do (OpenID Connect Core 3.1.2.3)."""

from datetime import datetime, timedelta
from typing import Final

from broker.core.authorization import AuthorizationRequest, LoginSession
from broker.oidc.authorize.check_acr import acr_met, can_be_met
from broker.oidc.errors import OAuthError

SKEW: Final = timedelta(seconds=60)
"""How far the clock of a provider, which sets `auth_time`, may be behind ours."""


def login_needed(
    request: AuthorizationRequest, session: LoginSession | None, *, right_person: bool, asked_at: datetime
) -> bool:
    """True when there is no session, or the request asks for another one. A session begun after `asked_at` is fresh for
    `prompt` and cannot be bettered for `acr`.
    """
    if session is None or not right_person:
        return True
    before = session.created_at < asked_at
    if before and request.prompt & {"login", "select_account"}:
        return True
    if before and can_be_met(request.acr_values) and not acr_met(session.acr, request.acr_values):
        return True
    # Measured when the request came, in whole seconds as `auth_time` is: the minutes that a login takes do not count.
    moment = asked_at.replace(microsecond=0) - (timedelta(0) if before else SKEW)
    if "login" in request.prompt and session.auth_time < moment:
        return True  # the provider answered with a session of its own
    return request.max_age is not None and session.auth_time + timedelta(seconds=request.max_age) < moment


def unmet(request: AuthorizationRequest, session: LoginSession) -> OAuthError | None:
    """The refusal when the client can do with nothing less than it asked for (OpenID Connect Core Unmet Authentication
    Requirements 1.0).
    """
    if request.acr_essential and not acr_met(session.acr, request.acr_values):
        return OAuthError("unmet_authentication_requirements", "no login here reached the acr asked for")
    return None

"""`grant_management_action` and `grant_id` (Grant Management for OAuth 2.0, 5.1 and 5.2): whether a grant is founded or
one that stands is changed. Whose grant it is can be told only once the person is known.
"""

from datetime import datetime
from uuid import UUID

from broker.core.authorization import AuthorizationRequest, Grant, LoginSession
from broker.core.grant_merge import GrantAction
from broker.oidc.client import Client, Profile
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit


def check_grant_action(parameters: Parameters, client: Client) -> tuple[str | None, str | None]:
    """The action and the grant id, both as text. Raises OAuthError."""
    action, grant_id = parameters.get("grant_management_action"), parameters.get("grant_id")
    if action is None and grant_id is None:
        return None, None
    if client.profile is not Profile.FAPI2:
        raise OAuthError("invalid_request", "only clients that authenticate with a key manage grants")
    if action not in set(GrantAction):
        raise OAuthError("invalid_request", "grant_management_action is create, merge or replace")
    if (action == GrantAction.CREATE) != (grant_id is None):
        raise OAuthError("invalid_request", "merge and replace name a grant_id, create names none")
    try:
        return action, None if grant_id is None else str(UUID(grant_id))
    except ValueError as error:
        raise OAuthError("invalid_grant_id", "grant_id is not one of ours") from error


def grant_to_change(
    unit: OidcUnit, asked: AuthorizationRequest, session: LoginSession, at: datetime
) -> Grant | OAuthError | None:
    """The grant that the request changes, None when it founds one. Another client's, another person's, an ended and an
    unknown grant are one and the same refusal.
    """
    if asked.grant_id is None:
        return None
    grant = unit.grant(UUID(asked.grant_id))
    live = grant is not None and grant.revoked_at is None and grant.expires_at > at
    if grant is None or not live or grant.client_id != asked.client_id or grant.traveller_id != session.traveller_id:
        return OAuthError("invalid_grant_id", "there is no such grant")
    return grant

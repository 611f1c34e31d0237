"""The checks of an authorization request, in order. Client and redirect URI come first, because only then may errors
be redirected.
"""

from broker.core.authorization import AuthorizationRequest
from broker.oidc.authorize.check_acr import check_acr
from broker.oidc.authorize.check_claims import check_claims
from broker.oidc.authorize.check_details import check_details, sign_in_release
from broker.oidc.authorize.check_display import check_display, check_locales
from broker.oidc.authorize.check_dpop_jkt import check_dpop_jkt
from broker.oidc.authorize.check_grant_action import check_grant_action
from broker.oidc.authorize.check_hint import check_hint
from broker.oidc.authorize.check_pkce import check_pkce
from broker.oidc.authorize.check_prompt import check_max_age, check_prompt
from broker.oidc.authorize.check_response_mode import check_response_mode
from broker.oidc.authorize.check_response_type import check_response_type
from broker.oidc.authorize.check_scope import check_scope
from broker.oidc.authorize.check_unsupported import check_unsupported
from broker.oidc.client import Client
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer

_MAX_STATE = 1024


def read_request(
    server: AuthorizationServer,
    parameters: Parameters,
    *,
    client: Client,
    redirect_uri: str,
    proven_jkt: str | None = None,
) -> AuthorizationRequest:
    """Raises OAuthError for the redirect URI (or, when pushed, for the client directly)."""
    check_unsupported(parameters)
    check_response_type(parameters)
    response_mode = check_response_mode(parameters, client)
    scopes = check_scope(parameters, client)
    code_challenge = check_pkce(parameters, client)
    prompt = check_prompt(parameters)
    max_age = check_max_age(parameters)
    dpop_jkt = check_dpop_jkt(parameters, proven=proven_jkt)
    claims = check_claims(parameters)
    acr_values, acr_essential = check_acr(parameters, claims)
    subject = check_hint(server, parameters, client, claims)
    details = check_details(server, parameters, client)
    grant_action, grant_id = check_grant_action(parameters, client)
    state, nonce = parameters.get("state"), parameters.get("nonce")
    if max(len(state or ""), len(nonce or "")) > _MAX_STATE:
        raise OAuthError("invalid_request", f"state and nonce may have {_MAX_STATE} characters")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        code_challenge=code_challenge,
        state=state,
        nonce=nonce,
        prompt=prompt,
        max_age=max_age,
        ui_locales=check_locales(parameters, "ui_locales"),
        dpop_jkt=dpop_jkt,
        login_hint=parameters.get("login_hint"),
        releases=(*details, *sign_in_release(client, scopes, claims, details)),
        claims=claims,
        acr_values=acr_values,
        acr_essential=acr_essential,
        subject=subject,
        display=check_display(parameters),
        claims_locales=check_locales(parameters, "claims_locales"),
        grant_action=grant_action,
        grant_id=grant_id,
        response_mode=response_mode,
    )

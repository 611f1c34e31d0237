"""`tongguan partners client`: the programs of a partner."""

import os
from secrets import token_urlsafe
from typing import Annotated

import typer

from broker.cli.partners import Claims, Home, PartnerId, Purposes, Scopes, app, desk
from broker.core.authorization import digest
from broker.core.client import Authentication, Client, Profile
from broker.core.denial import InvalidInput
from broker.flows.onboard_partner import known_partner, register_client

clients = typer.Typer(no_args_is_help=True, help="A partner's clients.")
app.add_typer(clients, name="client")

_BY_SECRET = (Authentication.CLIENT_SECRET_BASIC, Authentication.CLIENT_SECRET_POST)


@clients.callback()
def _group() -> None:
    """A partner's clients."""


@clients.command()
def add(
    partner: PartnerId,
    home: Home,
    client_id: Annotated[str | None, typer.Option(help="Its id; by default the partner's and a number.")] = None,
    profile: Annotated[Profile, typer.Option(help="fapi2, or in a sandbox oidc_basic.")] = Profile.FAPI2,
    auth: Annotated[Authentication | None, typer.Option(help="How it authenticates.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Where people come back to; repeat.")] = None,
    logout_uri: Annotated[list[str] | None, typer.Option(help="Where they go after logging out; repeat.")] = None,
    backchannel_logout_uri: Annotated[str | None, typer.Option(help="Where it hears of logouts.")] = None,
    id_token_alg: Annotated[str | None, typer.Option(help="How its ID tokens are signed: ES256, or RS256.")] = None,
    scope: Scopes = None,
    purpose: Purposes = None,
    claim: Claims = None,
) -> None:
    """Register a client. Its ceilings are the partner's unless lower ones are named. A secret is printed once."""
    with desk(home) as at_work:
        owner = known_partner(at_work.work, partner)
        chosen = auth or (
            Authentication.PRIVATE_KEY_JWT if profile is Profile.FAPI2 else Authentication.CLIENT_SECRET_BASIC
        )
        secret = token_urlsafe(32) if chosen in _BY_SECRET else None
        if secret is None and owner.jwks is None:
            raise InvalidInput("no_keys", "register the partner's keys first: tongguan partners rotate")
        keyed = chosen is Authentication.PRIVATE_KEY_JWT
        client = Client(
            client_id=client_id or f"{partner}-{os.urandom(4).hex()}",
            profile=profile,
            redirect_uris=frozenset(redirect_uri or ()),
            scopes=owner.ceilings.scopes if scope is None else frozenset(scope),
            sector=partner,
            partner_id=partner,
            names=owner.names,
            post_logout_redirect_uris=frozenset(logout_uri or ()),
            auth=chosen,
            secret_hash=None if secret is None else digest(secret),
            jwks_uri=owner.jwks_uri if keyed else None,
            jwks=owner.jwks if keyed and owner.jwks_uri is None else None,
            purposes=owner.ceilings.purposes if purpose is None else frozenset(purpose),
            id_token_alg=id_token_alg,
            claims=owner.ceilings.claims if claim is None else frozenset(claim),
            backchannel_logout_uri=backchannel_logout_uri,
        )
        register_client(at_work.work, client, at=at_work.at, entropy=os.urandom)
    typer.echo(f"{client.client_id} is a client of {partner}, profile {profile.value}.", err=True)
    typer.echo(client.client_id if secret is None else f"{client.client_id} {secret}")

"""`tongguan partners client`: the programs of a partner."""

import os
from secrets import token_urlsafe
from typing import Annotated

import typer

from broker.cli.partners import (
    AsJson,
    Claims,
    Home,
    PartnerId,
    Purposes,
    Scopes,
    app,
    client_document,
    desk,
    print_document,
)
from broker.core.authorization import digest
from broker.core.client import Authentication, Client, Profile
from broker.core.denial import InvalidInput
from broker.flows.change_client import change_client, replace_secret, resume_client, suspend_client
from broker.flows.onboard_partner import known_partner, register_client

clients = typer.Typer(no_args_is_help=True, help="A partner's clients.")
app.add_typer(clients, name="client")

ClientId = Annotated[str, typer.Argument(help="The client's id.")]
RedirectUris = Annotated[list[str] | None, typer.Option("--redirect-uri", help="Where people come back to; repeat.")]

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
    redirect_uri: RedirectUris = None,
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


@clients.command(name="list")
def list_clients(partner: PartnerId, home: Home, as_json: AsJson = False) -> None:
    """The clients of a partner."""
    with desk(home) as at_work:
        known_partner(at_work.work, partner)
        found = [client_document(client) for client in at_work.work.clients.of_partner(partner)]
    if as_json:
        print_document(found, as_json)
        return
    for each in found:
        print(f"{each['client_id']:<32} {each['status']:<10} {each['profile']:<11} {each['auth']}")


@clients.command()
def suspend(client: ClientId, home: Home) -> None:
    """Refuse everything this client asks, from its next request on, also when its partner is resumed."""
    with desk(home) as at_work:
        suspend_client(at_work.work, client_id=client, at=at_work.at, entropy=os.urandom)
    print(f"{client} is suspended.")


@clients.command()
def resume(client: ClientId, home: Home) -> None:
    """Let a suspended client go on, together with its partner."""
    with desk(home) as at_work:
        resumed = resume_client(at_work.work, client_id=client, at=at_work.at, entropy=os.urandom)
    print(f"{client} is active." if resumed.active else f"{client} goes on when {resumed.partner_id} does.")


@clients.command()
def change(
    client: ClientId,
    home: Home,
    redirect_uri: RedirectUris = None,
    scope: Scopes = None,
    purpose: Purposes = None,
    claim: Claims = None,
) -> None:
    """Set what is named, beneath the partner's ceilings; the rest stays."""
    named = {"redirect_uris": redirect_uri, "scopes": scope, "purposes": purpose, "claims": claim}
    values = {name: frozenset(given) for name, given in named.items() if given is not None}
    with desk(home) as at_work:
        change_client(at_work.work, client_id=client, at=at_work.at, entropy=os.urandom, **values)
    print(f"{client} is changed.")


@clients.command()
def secret(client: ClientId, home: Home) -> None:
    """Give the client another secret, printed once. The former one ends at once."""
    made = token_urlsafe(32)
    with desk(home) as at_work:
        replace_secret(at_work.work, client_id=client, secret=made, at=at_work.at, entropy=os.urandom)
    typer.echo(f"The former secret of {client} has ended.", err=True)
    typer.echo(f"{client} {made}")

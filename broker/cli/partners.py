"""`tongguan partners`: which agencies there are and what they may ask for is the operator's decision."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.database import database_url, failures
from broker.core.client import Client, Profile
from broker.core.denial import InvalidInput
from broker.core.partner import Ceilings, Partner, PartnerKind, ceilings_of, check_partner_url
from broker.core.partner_keys import encryption_key, read_key_set
from broker.core.zone import LANGUAGES
from broker.flows.change_partner import change_ceilings, register_keys, register_webhook
from broker.flows.onboard_partner import onboard_partner
from broker.flows.ports import Work
from broker.flows.suspend_partner import end_partner_grants, resume_partner, suspend_partner
from broker.outbound import reach_of, trust
from broker.settings import Settings
from broker.stores.database import Database
from broker.stores.partner_http import CallFailed, CallRefused, PartnerHttp
from broker.stores.work import Works

app = typer.Typer(no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]
PartnerId = Annotated[str, typer.Argument(help="The partner's id, as hk-library.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="A scope it may ask for; repeat.")]
Purposes = Annotated[list[str] | None, typer.Option("--purpose", help="A purpose it may name; repeat.")]
Claims = Annotated[list[str] | None, typer.Option("--claim", help="A claim or predicate it may ask for; repeat.")]
JwksUri = Annotated[str | None, typer.Option(help="Where the partner publishes its keys.")]
JwksFile = Annotated[Path | None, typer.Option("--jwks", exists=True, dir_okay=False, help="Its key set in a file.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """The operator at work: one transaction, the settings, and the moment."""

    work: Work
    settings: Settings
    at: datetime

    def fetch(self, url: str) -> dict[str, Any]:
        """The key set behind that address. Raises InvalidInput."""
        check_partner_url(url, sandbox=self.settings.sandbox)
        http = PartnerHttp(trust(self.settings.trusted_ca), reach_of(self.settings))
        try:
            status, body = http.get(url, accept="application/jwk-set+json, application/json")
        except (CallRefused, CallFailed) as error:
            raise InvalidInput("unreachable", f"{url}: {error}") from error
        if status != 200:
            raise InvalidInput("unreachable", f"{url} answers {status}")
        return read_key_set(body)

    def key_set(self, jwks_uri: str | None, jwks: Path | None) -> dict[str, Any] | None:
        """The keys that were named either way, if any."""
        if jwks_uri is not None and jwks is not None:
            raise InvalidInput("two_key_sets", "--jwks-uri and --jwks exclude one another")
        if jwks is not None:
            return read_key_set(jwks.read_bytes())
        return None if jwks_uri is None else self.fetch(jwks_uri)


@contextmanager
def desk(home: Path) -> Iterator[Desk]:
    """One transaction; what the operator can mend is one line on the terminal."""
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            with Works(database).begin() as work:
                yield Desk(work, Settings.load(home), datetime.now(UTC))
        except InvalidInput as error:
            raise typer.BadParameter(error.hint) from error
        finally:
            database.close()


@app.command()
def add(
    partner: PartnerId,
    home: Home,
    name: Annotated[str, typer.Option(help="Its name, where no other is given for a language.")],
    contact: Annotated[str, typer.Option(help="How people reach it: it stands in every notice.")],
    jurisdiction: Annotated[str, typer.Option(help="Where it receives: CN, HK, MO, or another ISO 3166 code.")],
    kind: Annotated[PartnerKind, typer.Option(help="What the law calls it.")] = PartnerKind.STATE_ORGAN,
    name_in: Annotated[list[str] | None, typer.Option(help="LANGUAGE=NAME; repeat.")] = None,
    scope: Scopes = None,
    purpose: Purposes = None,
    claim: Claims = None,
    jwks_uri: JwksUri = None,
    jwks: JwksFile = None,
    webhook: Annotated[str | None, typer.Option(help="Where notices are pushed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a partner on, with the ceilings above which it may never ask. A sandbox broker has sandbox partners."""
    with desk(home) as at_work:
        keys = at_work.key_set(jwks_uri, jwks)
        made = Partner(
            partner_id=partner,
            names=dict.fromkeys(LANGUAGES, name) | _names(name_in or []),
            contact=contact,
            jurisdiction=jurisdiction,
            kind=kind,
            sandbox=at_work.settings.sandbox,
            ceilings=ceilings_of(scope or [], purpose or [], claim or []),
            created_at=at_work.at,
            jwks_uri=jwks_uri,
            jwks=keys,
            jwks_at=None if keys is None else at_work.at,
            webhook_url=webhook,
        )
        onboard_partner(at_work.work, made, sandbox=at_work.settings.sandbox, at=at_work.at, entropy=os.urandom)
    print_document(_document(made), as_json)


@app.command(name="list")
def list_partners(home: Home, as_json: AsJson = False) -> None:
    """All partners."""
    with desk(home) as at_work:
        found = [_document(partner) for partner in at_work.work.partners.all()]
    if as_json:
        print_document(found, as_json)
        return
    for each in found:
        print(f"{each['partner_id']:<24} {each['status']:<10} {each['jurisdiction']}  {each['names']['en']}")


@app.command()
def show(partner: PartnerId, home: Home, as_json: AsJson = False) -> None:
    """One partner with its clients."""
    with desk(home) as at_work:
        found = _found(at_work.work, partner)
        clients = [client_document(client) for client in at_work.work.clients.of_partner(partner)]
    print_document({**_document(found), "clients": clients}, as_json)


@app.command()
def rotate(partner: PartnerId, home: Home, jwks_uri: JwksUri = None, jwks: JwksFile = None) -> None:
    """Take the partner's present keys: from where it publishes them, from another address, or from a file. Others are
    refused from the next request on.
    """
    with desk(home) as at_work:
        keys = at_work.key_set(jwks_uri, jwks)
        if keys is None:
            jwks_uri = _found(at_work.work, partner).jwks_uri
            if jwks_uri is None:
                raise InvalidInput("no_jwks_uri", "the keys were registered by value: name --jwks or --jwks-uri")
            keys = at_work.fetch(jwks_uri)
        register_keys(
            at_work.work, partner_id=partner, jwks_uri=jwks_uri, key_set=keys, at=at_work.at, entropy=os.urandom
        )
    encrypts = "" if encryption_key(keys) else "; none to encrypt answers to"
    print(f"{partner} has {len(keys['keys'])} key(s){encrypts}.")


@app.command()
def suspend(partner: PartnerId, home: Home) -> None:
    """Refuse everything the partner and its clients ask, from the next request on."""
    with desk(home) as at_work:
        suspend_partner(at_work.work, partner_id=partner, at=at_work.at, entropy=os.urandom)
    print(f"{partner} is suspended.")


@app.command()
def end_grants(
    partner: PartnerId,
    home: Home,
    client: Annotated[list[str] | None, typer.Option(help="Only this client's; repeat.")] = None,
) -> None:
    """End every grant the partner holds; people's consents stand. It is told of each."""
    with desk(home) as at_work:
        ended = end_partner_grants(at_work.work, partner_id=partner, clients=client, at=at_work.at, entropy=os.urandom)
    print(f"{ended} grant(s) of {partner} ended.")


@app.command()
def resume(partner: PartnerId, home: Home) -> None:
    """Let a suspended partner go on."""
    with desk(home) as at_work:
        resume_partner(at_work.work, partner_id=partner, at=at_work.at, entropy=os.urandom)
    print(f"{partner} is active.")


@app.command()
def ceiling(
    partner: PartnerId, home: Home, scope: Scopes = None, purpose: Purposes = None, claim: Claims = None
) -> None:
    """Set the ceilings that are named; the others stay. Clients that stood higher come down."""
    with desk(home) as at_work:
        now = _found(at_work.work, partner).ceilings
        wanted = Ceilings(
            now.scopes if scope is None else frozenset(scope),
            now.purposes if purpose is None else frozenset(purpose),
            now.claims if claim is None else frozenset(claim),
        )
        change_ceilings(at_work.work, partner_id=partner, ceilings=wanted, at=at_work.at, entropy=os.urandom)
    print(f"The ceilings of {partner} are set.")


@app.command()
def webhook(
    partner: PartnerId, home: Home, url: Annotated[str | None, typer.Option(help="Without it: no more notices.")] = None
) -> None:
    """Set where the partner is told of withdrawals."""
    with desk(home) as at_work:
        register_webhook(at_work.work, partner_id=partner, url=url, at=at_work.at, entropy=os.urandom)
    print(f"{partner} is told at {url}." if url else f"{partner} is told nothing any more.")


def _found(work: Work, partner_id: str) -> Partner:
    partner = work.partners.find(partner_id)
    if partner is None:
        raise InvalidInput("unknown_partner", "no partner has that id")
    return partner


def _names(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if any(not equals or language not in LANGUAGES for language, equals, _ in pairs):
        raise InvalidInput("bad_name", f"--name-in takes LANGUAGE=NAME with one of {', '.join(LANGUAGES)}")
    return {language: name for language, _, name in pairs}


def _document(partner: Partner) -> dict[str, Any]:
    keys = partner.jwks or {"keys": []}
    return {
        "partner_id": partner.partner_id,
        "status": partner.status.value,
        "sandbox": partner.sandbox,
        "names": dict(partner.names),
        "contact": partner.contact,
        "jurisdiction": partner.jurisdiction,
        "kind": partner.kind.value,
        "scopes": sorted(partner.ceilings.scopes),
        "purposes": sorted(partner.ceilings.purposes),
        "claims": sorted(partner.ceilings.claims),
        "jwks_uri": partner.jwks_uri,
        "kids": [str(key.get("kid")) for key in keys["keys"]],
        "webhook_url": partner.webhook_url,
        "created_at": partner.created_at.isoformat(),
    }


def client_document(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "profile": client.profile.value,
        "status": client.status.value,
        "auth": client.auth.value,
        "redirect_uris": sorted(client.redirect_uris),
        "scopes": sorted(client.scopes),
        "purposes": sorted(client.purposes),
        "claims": sorted(client.claims),
        "synthetic_people_only": client.profile is Profile.OIDC_BASIC,
    }


def print_document(document: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for name, value in document.items():
        print(f"{name:<14} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")

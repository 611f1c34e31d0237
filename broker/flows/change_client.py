"""The operator suspends one client of a partner, changes what it may do, and gives it another secret. Each change
counts from the next request on, for every request is compared with the version that the registry has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from broker.core.authorization import digest
from broker.core.client import Client, ClientStatus, check_redirects
from broker.core.denial import InvalidInput
from broker.core.partner import Partner
from broker.flows.onboard_partner import ceilings_of_client, known_partner
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def suspend_client(work: Work, *, client_id: str, at: datetime, entropy: Entropy) -> Client:
    """Refuse the client with all its tokens, whatever becomes of its partner; its grants stand. Suspending again
    changes nothing. Raises InvalidInput.
    """
    return _move(work, client_id, alone=True, at=at, entropy=entropy)


def resume_client(work: Work, *, client_id: str, at: datetime, entropy: Entropy) -> Client:
    """Let the client go on; while its partner is suspended, it stays so with it. Raises InvalidInput."""
    return _move(work, client_id, alone=False, at=at, entropy=entropy)


def change_client(
    work: Work,
    *,
    client_id: str,
    redirect_uris: frozenset[str] | None = None,
    scopes: frozenset[str] | None = None,
    purposes: frozenset[str] | None = None,
    claims: frozenset[str] | None = None,
    at: datetime,
    entropy: Entropy,
) -> Client:
    """Set what is named, beneath the partner's ceilings; the rest stays. Raises InvalidInput."""
    partner, before = _known_client(work, client_id)
    client = replace(
        before,
        redirect_uris=before.redirect_uris if redirect_uris is None else redirect_uris,
        scopes=before.scopes if scopes is None else scopes,
        purposes=before.purposes if purposes is None else purposes,
        claims=before.claims if claims is None else claims,
    )
    if not ceilings_of_client(client).within(partner.ceilings):
        raise InvalidInput("above_ceiling", "the client may have only scopes, purposes and claims of its partner")
    try:
        if redirect_uris is not None:
            check_redirects(client)
        work.clients.change(client)
    except ValueError as error:
        raise InvalidInput("bad_client", str(error)) from error
    lists = {name: sorted(getattr(client, name)) for name in ("redirect_uris", "scopes", "purposes", "claims")}
    _note(work, client, "operator:client:changed", at=at, entropy=entropy, more=lists)
    return client


def replace_secret(work: Work, *, client_id: str, secret: str, at: datetime, entropy: Entropy) -> Client:
    """Put `secret` in place of the former one, which ends with that. Raises InvalidInput for a client that proves
    itself otherwise.
    """
    _, before = _known_client(work, client_id)
    if before.secret_hash is None:
        raise InvalidInput("no_secret", "the client authenticates without a secret; keys: tongguan partners rotate")
    client = replace(before, secret_hash=digest(secret))
    work.clients.change(client)
    _note(work, client, "operator:secret:replaced", at=at, entropy=entropy)
    return client


def _move(work: Work, client_id: str, *, alone: bool, at: datetime, entropy: Entropy) -> Client:
    partner, before = _known_client(work, client_id)
    if before.suspended_alone is alone:
        return before
    status = ClientStatus.SUSPENDED if alone or not partner.active else ClientStatus.ACTIVE
    client = replace(before, status=status, suspended_alone=alone)
    work.clients.change(client)
    _note(work, client, f"operator:client:{'suspended' if alone else 'resumed'}", at=at, entropy=entropy)
    return client


def _known_client(work: Work, client_id: str) -> tuple[Partner, Client]:
    found = work.clients.find(client_id)
    if found is not None and found.partner_id is not None:
        partner = known_partner(work, found.partner_id)
        client = work.clients.find(client_id)  # as it is under the partner's lock, which all its changes take
        if client is not None:
            return partner, client
    raise InvalidInput("unknown_client", "no partner has a client of that id")


def _note(
    work: Work,
    client: Client,
    kind: str,
    *,
    at: datetime,
    entropy: Entropy,
    more: Mapping[str, Sequence[str]] | None = None,
) -> None:
    clear: dict[str, Any] = {"partner": client.partner_id, "client": client.client_id, **(more or {})}
    work.journal.append(Entry(kind, clear), at=at, entropy=entropy)

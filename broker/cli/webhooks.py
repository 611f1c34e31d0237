"""`tongguan webhooks`: what partners were told, and what could not be delivered."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from broker.cli.database import database_url, failures
from broker.cli.partners import AsJson, Home, PartnerId, desk
from broker.core.webhook import EventState
from broker.delivery import Delivery
from broker.law import rulebook_of
from broker.outbound import reach_of, trust
from broker.settings import Settings
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.partner_http import PartnerHttp
from broker.stores.signing_keys import SigningKeys
from broker.stores.webhook_sender import WebhookSender
from broker.stores.work import Works
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def list_events(
    home: Home,
    partner: Annotated[str | None, typer.Option(help="Of this partner only.")] = None,
    state: Annotated[EventState | None, typer.Option(help="In this state only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Notices, newest first."""
    with desk(home) as at_work:
        found = [
            {
                "event": str(event.event_id),
                "partner": event.partner_id,
                "name": event.name,
                "state": event.state.value,
                "attempts": event.attempts,
                "outcome": event.last_outcome,
                "created_at": event.created_at.isoformat(),
            }
            for event in at_work.work.partner_events.of(partner, state=state, limit=limit)
        ]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for each in found:
        print(*(each[name] for name in ("created_at", "partner", "name", "state", "attempts", "outcome")))


@app.command()
def retry(partner: PartnerId, home: Home) -> None:
    """Send the notices again that were given up for this partner."""
    with desk(home) as at_work:
        revived = at_work.work.partner_events.revive(partner, at_work.at)
    print(f"{revived} notice(s) are due again.")


@app.command()
def deliver(home: Home) -> None:
    """Deliver what is due now. A running broker does this by itself."""
    with failures(), database_url(home) as url:
        settings = Settings.load(home)
        database = Database(url, pool_size=8)
        keys = FileKeyStore.open(home / "keystore")
        try:
            delivery = Delivery(
                Works(database).begin,
                keys=keys,
                rulebook=rulebook_of(settings, Works(database).begin, lambda: datetime.now(UTC)),
                sender=WebhookSender(PartnerHttp(trust(settings.trusted_ca), reach_of(settings))),
                signer=SigningKeys.load(home / "keys").signer(KeyUse.ANSWER),
                issuer=settings.issuer,
                clock=lambda: datetime.now(UTC),
                entropy=os.urandom,
            )
            print(f"{delivery.round()} notice(s) were accepted.")
        finally:
            keys.close()
            database.close()

"""How the broker calls out: whom it trusts, and where calls to partners may go."""

import ssl
from pathlib import Path

from broker.settings import Settings
from broker.stores.partner_http import Reach


def reach_of(settings: Settings) -> Reach:
    """Public addresses, the operator's networks, and in a sandbox this machine, where partners' developers are."""
    return Reach.of(settings.partner_networks, loopback=settings.sandbox)


def trust(ca: Path | None) -> ssl.SSLContext:
    """The system's authorities, and one of the operator's own."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context

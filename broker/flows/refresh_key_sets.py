"""Partners rotate their keys by publishing others: the copies that answers are encrypted with follow."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from broker.core.denial import InvalidInput
from broker.core.partner_keys import read_key_set
from broker.flows.change_partner import refresh_keys
from broker.flows.ports import BeginWork

AGE: Final = timedelta(hours=1)
"""How old a copy grows before it is fetched again."""


def refresh_key_sets(
    begin: BeginWork,
    *,
    fetch: Callable[[str], bytes | None],
    at: datetime,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Fetch what is older than AGE, with no transaction open meanwhile, until `stop` says so; returns how many copies
    are new. A set that cannot be had (None) or is none leaves the former copy in place: a partner's outage takes no key
    from it.
    """
    with begin() as work:
        partners = [partner for partner in work.partners.all() if partner.active]
    renewed = 0
    for partner in partners:
        if partner.jwks_uri is None or (partner.jwks_at is not None and partner.jwks_at > at - AGE):
            continue
        if stop():
            break
        raw = fetch(partner.jwks_uri)
        try:
            key_set = read_key_set(raw) if raw is not None else None
        except InvalidInput:
            key_set = None
        if key_set is not None:
            with begin() as work:
                renewed += refresh_keys(
                    work, partner_id=partner.partner_id, jwks_uri=partner.jwks_uri, key_set=key_set, at=at
                )
    return renewed

"""The names a person is counted under: keyed by rule, origin and year, made at first use. They outlive an erasure, say
nothing to whoever lacks the key, and lead to nobody once it is destroyed (`end_counting`).
"""

from datetime import datetime
from uuid import UUID

from broker.core.counting import CountingKey, CountingRule, counting_key
from broker.flows.ports import KeyStore
from broker.flows.ports.transfers import BulkLine


def counted_as(keys: KeyStore, traveller: UUID, key: CountingKey) -> UUID:
    """The person's name under that key. Raises LookupError once the key was destroyed: nobody is counted any more."""
    try:
        secret = keys.key(key.key_id)
    except LookupError:
        keys.create(key.key_id)
        secret = keys.key(key.key_id)
    return key.person(traveller, key=secret)


def bulk_line(
    keys: KeyStore, traveller: UUID, *, exporter: str, recipient: str, kinds: frozenset[str], origin: str, at: datetime
) -> BulkLine:
    """The person's line in the rolling counts, with the name of the year before too: the window reaches back there."""
    key = counting_key(CountingRule.US_BULK, origin, at)
    before = CountingKey(key.rule, origin, key.year - 1)
    person, earlier = counted_as(keys, traveller, key), counted_as(keys, traveller, before)
    return BulkLine(exporter, recipient, kinds, person, earlier)

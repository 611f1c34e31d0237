"""What governed changes say to one release."""

from collections.abc import Iterable
from datetime import datetime

from broker.core.special_list import Special, SpecialList, member
from broker.core.standing_changes import StandingChanges
from broker.flows.ports import KeyStore, Work
from broker.wire.identity_grant import HeldDocument


def standing_changes(work: Work, at: datetime) -> StandingChanges:
    """What stands at `at`: as this process saw it within the last half second. Raises ChangesUnsound."""
    return work.changes.standing(at)


def specials_of(
    standing: StandingChanges, documents: Iterable[HeldDocument], *, keys: KeyStore, at: datetime
) -> tuple[Special | None, Special | None]:
    """What the lists of identities and of regions say of the person with these documents. Raises LookupError when a
    standing list's key is gone: then nobody can say, and nothing leaves.
    """

    def hashes(listed: SpecialList) -> list[bytes]:
        key = keys.key(listed.key_id)
        return [member(key, held.document_type, held.document_number) for held in documents]

    return standing.identity_of(hashes, at), standing.region_of(hashes, at)

"""Taking passes back: their bits are set and the lists that hold them are published anew in the same transaction."""

from collections.abc import Iterable
from datetime import datetime

from broker.core.travel import IssuedPass
from broker.flows.ports import Work
from broker.flows.publish_status_list import publish_status_list
from broker.wire.keys import Signer
from broker.wire.status_list import LIST_BITS


def revoke_all(work: Work, passes: Iterable[IssuedPass], *, status_signer: Signer, at: datetime) -> int:
    """Revoke `passes` and publish the next version of each list concerned; returns how many passes there were."""
    indices = sorted({issued.status_index for issued in passes})
    work.status.revoke(indices, at)
    for list_no in sorted({index // LIST_BITS for index in indices}):
        publish_status_list(work, signer=status_signer, list_no=list_no, at=at)
    return len(indices)

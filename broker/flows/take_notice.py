"""A provider's callback, verified by its connector, is acted on once."""

from collections.abc import Callable
from datetime import datetime

from broker.flows.ports import KeyStore, Work
from broker.flows.unlink_identity import withdraw_identity
from broker.wire.approval_connector import ProviderNotice, Withdrawal
from broker.wire.keys import Entropy

ApprovalDesk = Callable[[Work, str, ProviderNotice, datetime], None]
"""Takes what a provider says of a form, a signature or a step-up: (work, provider, notice, at), in the same work."""


def take_notice(
    work: Work,
    *,
    keys: KeyStore,
    link_secret: bytes,
    provider: str,
    notice: ProviderNotice,
    approvals: ApprovalDesk | None,
    at: datetime,
    entropy: Entropy,
) -> bool:
    """Whether it was new. A repetition changes nothing, also when both come at once: the unique insert decides."""
    if not work.identities.first_notice(provider, notice.business_id, notice.kind, at):
        return False
    if isinstance(notice.outcome, Withdrawal):
        withdraw_identity(
            work,
            keys=keys,
            link_secret=link_secret,
            provider=provider,
            issuer=notice.outcome.issuer,
            subject=notice.outcome.subject,
            at=at,
            entropy=entropy,
        )
    elif approvals is not None:
        approvals(work, provider, notice, at)
    return True

"""Status lists: signed anew when a bit changed or the last signature has aged (specs/status-list.md)."""

from datetime import datetime

from broker.flows.ports import PublishedList, Work
from broker.wire.keys import Signer
from broker.wire.status_list import HARD_BOUND, TTL, StatusList, bits_of, sign

REFRESH = TTL / 2
"""A list is signed anew at this age, so that what a gate fetches has at least half its life before it."""


def publish_status_list(work: Work, *, signer: Signer, list_no: int, at: datetime) -> PublishedList:
    """Sign the list as it now is, under the next version.

    The list is locked before its bits are read, so versions and bits grow together: a higher version never lacks a
    revocation that a lower one had.
    """
    last = work.status.lock_list(list_no)
    version = 1 if last is None else last.version + 1
    bits = bits_of(work.status.revoked_offsets(list_no))
    issued_at = at.replace(microsecond=0)  # CWT times are whole seconds
    raw = sign(StatusList(list_no, version, issued_at, issued_at + HARD_BOUND, bits), signer)
    published = PublishedList(list_no, version, issued_at, raw)
    work.status.publish(published)
    return published


def current_status_list(work: Work, *, signer: Signer, list_no: int, at: datetime) -> PublishedList | None:
    """The list to serve: the published one while it is fresh, else a new version; None for a list nobody
    points into.
    """
    published = work.status.published(list_no)
    if published is None and list_no not in work.status.in_use(at):
        return None
    if published is not None and at - published.issued_at < REFRESH:
        return published
    # Others may ask at the same moment: whoever gets the lock first signs, the rest find it done.
    published = work.status.lock_list(list_no)
    if published is not None and at - published.issued_at < REFRESH:
        return published
    return publish_status_list(work, signer=signer, list_no=list_no, at=at)

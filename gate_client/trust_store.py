"""Lists and epoch secrets on disk: the highest version seen, never a lower one."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from broker.wire import status_list, trust_list
from broker.wire.errors import VerifyError
from broker.wire.fields import EPOCH, MICROSECOND, microseconds, seconds
from broker.wire.gate_api import EpochSecret
from broker.wire.keys import PublicKey
from broker.wire.reasons import Reason
from broker.wire.status_list import StatusList
from broker.wire.trust_list import TrustList
from gate_client.database import empty_log, transaction


class TrustStore:
    """One thread's view of the signed lists, verified under the pinned root, re-read when another changed them."""

    def __init__(self, connection: sqlite3.Connection, root: PublicKey) -> None:
        self._connection = connection
        self._root = root
        self._trust: TrustList | None = None
        self._lists: dict[int, StatusList] = {}
        # Nobody knows what a process before this one destroyed and left in the log.
        self._wiped = False

    def trust_list(self, *, at: datetime) -> TrustList:
        """Return the newest trust list. `WireError` when there is none, it expired, or the file was tampered with."""
        row = self._connection.execute("SELECT version, issued_at FROM trust_list").fetchone()
        if row is None:
            raise VerifyError(Reason.UNKNOWN_KEY, "no trust list yet")
        if self._trust is None or _stamp(self._trust) != row:
            version, raw = self._connection.execute("SELECT version, raw FROM trust_list").fetchone()
            self._trust = trust_list.verify(raw, self._root, at=at, highest_seen=version)
            self._lists.clear()  # they were signed by keys that the old list named
        if at >= self._trust.expires_at:
            raise VerifyError(Reason.EXPIRED, "the trust list has expired")
        return self._trust

    def status_list(self, number: int, *, at: datetime) -> StatusList | None:
        """Return the newest status list of that number, of whatever age, or None. `WireError` as for the trust list."""
        trusted = self.trust_list(at=at)
        query = "SELECT version, issued_at FROM status_lists WHERE list_no = ?"
        row = self._connection.execute(query, (number,)).fetchone()
        if row is None:
            return None
        held = self._lists.get(number)
        if held is None or _stamp(held) != row:
            query = "SELECT version, raw FROM status_lists WHERE list_no = ?"
            version, raw = self._connection.execute(query, (number,)).fetchone()
            held = self._lists[number] = status_list.verify(raw, trusted, at=at, highest_seen=version)
        return held

    def accept_trust_list(self, raw: bytes, *, at: datetime) -> TrustList:
        """Verify and keep a fetched list. `VerifyError`/`DecodeError`; LIST_ROLLED_BACK when a newer one was seen."""
        with transaction(self._connection) as db:
            row = db.execute("SELECT version FROM trust_list").fetchone()
            verified = trust_list.verify(raw, self._root, at=at, highest_seen=row[0] if row else 0)
            db.execute(
                "INSERT INTO trust_list VALUES (1, ?1, ?2, ?3) ON CONFLICT (one) DO UPDATE"
                " SET version = ?1, issued_at = ?2, raw = ?3 WHERE version < ?1 OR issued_at < ?2",
                (verified.version, seconds(verified.issued_at), raw),
            )
        return verified

    def accept_status_list(self, raw: bytes, number: int, *, at: datetime) -> StatusList:
        """Verify and keep a fetched status list; as above. A list of another number is MALFORMED_CLAIMS."""
        trusted = self.trust_list(at=at)
        with transaction(self._connection) as db:
            row = db.execute("SELECT version FROM status_lists WHERE list_no = ?", (number,)).fetchone()
            verified = status_list.verify(raw, trusted, at=at, highest_seen=row[0] if row else 0)
            if verified.list_no != number:
                raise VerifyError(Reason.MALFORMED_CLAIMS, f"asked for list {number}, got {verified.list_no}")
            # The same version issued again is kept too: its newer time is what keeps it fresh.
            db.execute(
                "INSERT INTO status_lists VALUES (?1, ?2, ?3, ?4) ON CONFLICT (list_no) DO UPDATE"
                " SET version = ?2, issued_at = ?3, raw = ?4 WHERE version < ?2 OR issued_at < ?3",
                (number, verified.version, seconds(verified.issued_at), raw),
            )
        return verified

    def keep_secrets(self, secrets: Iterable[EpochSecret]) -> None:
        """Keep fetched epoch secrets until they expire."""
        with transaction(self._connection) as db:
            db.executemany(
                "INSERT INTO epoch_secrets VALUES (?1, ?2, ?3) ON CONFLICT (epoch) DO UPDATE"
                " SET secret = ?2, expires_at = ?3",
                [(secret.epoch, secret.secret, microseconds(secret.expires_at)) for secret in secrets],
            )

    def secret(self, epoch: int, *, at: datetime) -> bytes:
        """Return the 32-byte secret of an epoch. `VerifyError(TEMPLATE_UNAVAILABLE)` when it is not held or expired."""
        row = self._connection.execute(
            "SELECT secret FROM epoch_secrets WHERE epoch = ? AND expires_at > ?", (epoch, microseconds(at))
        ).fetchone()
        if row is None:
            raise VerifyError(Reason.TEMPLATE_UNAVAILABLE, f"no secret for epoch {epoch}")
        return bytes(row[0])

    def epochs(self) -> dict[int, datetime]:
        """The epochs held, with the time each dies."""
        rows = self._connection.execute("SELECT epoch, expires_at FROM epoch_secrets ORDER BY epoch")
        return {epoch: EPOCH + expires_at * MICROSECOND for epoch, expires_at in rows}

    def destroy_expired(self, *, at: datetime) -> int:
        """Delete dead secrets, their bytes overwritten (secure_delete), and `wipe`; return how many there were."""
        with transaction(self._connection) as db:
            gone = db.execute("DELETE FROM epoch_secrets WHERE expires_at <= ?", (microseconds(at),)).rowcount
        self._wiped = self._wiped and not gone
        self.wipe()
        return gone

    def wipe(self) -> bool:
        """Empty the write-ahead log of what was destroyed. False when a reader is in the way: call again later."""
        self._wiped = self._wiped or empty_log(self._connection)
        return self._wiped


def _stamp(signed: TrustList | StatusList) -> tuple[int, int]:
    return signed.version, seconds(signed.issued_at)

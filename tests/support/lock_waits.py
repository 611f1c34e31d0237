"""Seeing that one transaction waits for another's lock, so that a race has the order a test wants."""

from collections.abc import Callable
from concurrent.futures import Future

import pytest
from sqlalchemy.engine import make_url

from tests.support.cluster import Cluster

AwaitLockWait = Callable[["Future[object]"], None]

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active' AND datname = %s"


@pytest.fixture
def await_lock_wait(cluster: Cluster, database_url: str) -> AwaitLockWait:
    """Return once somebody in this test's own database waits for a lock; fail when the task ends without ever
    waiting.
    """
    name = make_url(database_url).database

    def wait(task: "Future[object]") -> None:
        with cluster.admin() as admin:
            while not task.done():
                row = admin.execute(_WAITING, (name,)).fetchone()
                if row is not None and row[0]:
                    return
        pytest.fail(f"nothing waited; the other side already answered {task.result()!r}")

    return wait

"""A process that releases claims: one JSON request a line on standard input, one JSON answer a line once its
transaction has committed. Run by `release_storm`, which may kill it.

`python -m tests.support.release_worker URL FOLDER THREADS`. Exit status 3 when some got no answer.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from broker.core.identity_release import ReleasedClaims
from broker.flows.unavailable import DatabaseUnavailable
from broker.stores.database import Database
from tests.support.partner_world import client_of
from tests.support.release_storm import CLIENTS, Known, Request, release_for, world_over


def main() -> int:
    url, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    asked = [Request(**json.loads(line)) for line in sys.stdin]
    database = Database(url, pool_size=threads)
    world = world_over(database, folder)
    agency, say, failed = Known(world), threading.Lock(), threading.Event()
    clients = {name: client_of(world, name) for name in CLIENTS}

    def serve(request: Request) -> None:
        try:
            told = agency.release(UUID(request.traveller), release_for(request.client), client=clients[request.client])
        except DatabaseUnavailable:
            failed.set()
            return
        if not isinstance(told, ReleasedClaims):
            raise TypeError(f"not released: {told.reason}")
        with say:  # the answer leaves after the commit
            print(json.dumps({**asdict(request), "leaf": told.journal_leaves[0].hex()}), flush=True)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(serve, asked))
    database.close()
    return 3 if failed.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())

"""A broker's process killed with SIGKILL in the middle of its releases: ledger, journal and answers agree."""

import signal
from pathlib import Path

from broker.stores.database import Database
from tests.support.release_storm import Worker, disagreements, requests, settle_people, wait_until_alone, world_over

PEOPLE, RELEASES = 60, 180


def test_kill_9_in_the_middle_of_releases_leaves_no_account_behind_another(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    people = settle_people(world_over(database, tmp_path), PEOPLE)
    database.engine.dispose()
    first = Worker(database_url, tmp_path, requests(people, RELEASES))

    assert first.run(kill_after=RELEASES // 4) == -signal.SIGKILL
    assert RELEASES // 4 <= len(first.answers) < RELEASES
    wait_until_alone(database)
    assert disagreements(database, tmp_path, people, first.answers) == []

    # Whoever got no answer asks again, also those whose release had happened.
    second = Worker(database_url, tmp_path, first.unanswered())
    assert second.run() == 0
    assert len(first.answers) + len(second.answers) == RELEASES
    assert disagreements(database, tmp_path, people, first.answers + second.answers) == []
    with world_over(database, tmp_path).begin() as work:
        assert [total.nonsensitive for total in work.transfers.totals(2026)] == [PEOPLE]
        assert [total.persons for total in work.transfers.recipient_totals(2026)] == [PEOPLE, PEOPLE]

"""`tongguan transfer recount`: the year's totals, from the ledger's counters, its rows of persons, and the journal."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from broker.cli.database import database_url, failures
from broker.core.governance.calendar import shanghai_date
from broker.stores.database import Database
from broker.stores.transfer_audit import Recount
from broker.stores.transfer_audit import recount as recount_year


def recount(home: Path, year: int | None) -> None:
    """Print the accounts of that year, by default this one; exit status 1 when they differ."""
    of = shanghai_date(datetime.now(UTC)).year if year is None else year
    with failures(), database_url(home) as url:
        database = Database(url, pool_size=1)
        try:
            found = recount_year(database, of)
        finally:
            database.close()
    for line in _report(found):
        typer.echo(line)
    if not found.agrees:
        raise typer.Exit(1)


def _report(found: Recount) -> list[str]:
    lines = sorted({*found.counters, *found.journal, *(found.rows or ())}, key=lambda line: (line.party, line.count))
    width = max((len(str(line)) for line in lines), default=0) + 2
    said = [f"{found.year}: persons counted by {found.entries} entries of the journal"]
    said += [f"{'':{width}}{'counters':>12}{'rows':>12}{'journal':>12}"] if lines else []
    for line in lines:
        rows = "dropped" if found.rows is None else str(found.rows[line])
        mark = "  differs" if line in found.differences else ""
        said.append(f"{line!s:{width}}{found.counters[line]:>12}{rows:>12}{found.journal[line]:>12}{mark}")
    said += [f"{found.odd} entries cannot be read"] if found.odd else []
    return [*said, "agree" if found.agrees else "DO NOT AGREE"]

"""`tongguan filings`: what was filed, what is due, and the calendar of both."""

import json
import os
import sys
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from broker.cli.partners import AsJson, Desk, Home, desk
from broker.core.denial import InvalidInput
from broker.core.filing import Filing, FilingKind
from broker.core.filing_rules import FilingRules
from broker.core.governance.policy import Policy
from broker.core.icalendar import to_icalendar
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import ANY_RECIPIENT
from broker.flows.filing_calendar import as_calendar, coming_days, filing_json, filing_lines
from broker.flows.record_filing import end_filing, note_filed, record_filing

app = typer.Typer(no_args_is_help=True)

FilingId = Annotated[UUID, typer.Argument(help="The filing's id, as `list` shows it.")]
Evidence = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="What was filed or received; its SHA-256 is kept.")
]


def own_rulebook(at_work: Desk) -> Rulebook:
    """The rulebook of that home, with the operator's own statement about transfers."""
    statement = at_work.settings.transfers
    return Rulebook.load(None if statement is None else (at_work.settings.home / statement).read_text(encoding="utf-8"))


@app.command()
def add(
    kind: Annotated[FilingKind, typer.Argument(help="What is filed, or was obtained.")],
    home: Home,
    exporter: Annotated[str, typer.Option(help="The exporter's id, as in the statement about transfers.")],
    effective: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="The contract takes effect; the result or certificate is dated."),
    ],
    party: Annotated[str, typer.Option(help="The recipient's id; * is every one at the destination.")] = ANY_RECIPIENT,
    destination: Annotated[str | None, typer.Option(help="The jurisdiction abroad, as HK.")] = None,
    filed_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it was filed, if it was.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="The number the authority gave.")] = None,
    evidence: Evidence = None,
    ends: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day, where the paper names one.")
    ] = None,
) -> None:
    """Enter a contract, certificate, result or face store. Prints its id and the day it is due."""
    with desk(home) as at_work:
        rulebook = own_rulebook(at_work)
        exporters = {each.id: each for each in rulebook.transfers.profiles.exporters.values()}
        if exporter not in exporters:
            raise InvalidInput("unknown_exporter", f"exporters are {', '.join(sorted(exporters))}")
        filing = Filing(
            filing_id=UUID(bytes=os.urandom(16), version=4),
            kind=kind,
            exporter=exporter,
            origin=exporters[exporter].origin,
            party=party,
            destination=destination,
            effective=effective.date(),
            added_at=at_work.at,
            ends=_day(ends),
        )
        if filed_on is not None:
            filing = replace(filing, filed_on=filed_on.date(), reference=reference, evidence=_digest(evidence))
        elif reference is not None or evidence is not None:
            raise InvalidInput("bad_filing", "--reference and --evidence come with --filed-on")
        dates = record_filing(
            at_work.work,
            filing,
            policy=rulebook.transfers.policy,
            rules=FilingRules.load(),
            at=at_work.at,
            entropy=os.urandom,
        )
    if dates.due is not None:
        typer.echo(f"To be filed by {dates.due}{' (provisional)' * dates.provisional}: {dates.cite}", err=True)
    if dates.expires is not None:
        typer.echo(f"Counts until the end of {dates.expires} in Shanghai.", err=True)
    print(filing.filing_id)


@app.command()
def filed(
    filing: FilingId,
    home: Home,
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="When it was filed.")],
    reference: Annotated[str, typer.Option(help="The number the authority gave.")],
    evidence: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="What was filed; its SHA-256 is kept.")],
) -> None:
    """Note that it was filed: from then on it counts."""
    with desk(home) as at_work:
        note_filed(
            at_work.work,
            filing,
            on=on.date(),
            reference=reference,
            evidence=sha256(evidence.read_bytes()).digest(),
            policy=Policy.load(),
            rules=FilingRules.load(),
            at=at_work.at,
            entropy=os.urandom,
        )
    print(f"{filing} is filed under {reference}.")


@app.command()
def end(filing: FilingId, home: Home) -> None:
    """The contract ended or the paper was withdrawn: within a second it makes nothing true any more."""
    with desk(home) as at_work:
        end_filing(at_work.work, filing, at=at_work.at, entropy=os.urandom)
    print(f"{filing} has ended.")


@app.command(name="list")
def list_filings(home: Home, as_json: AsJson = False) -> None:
    """Every filing with its dates, and how it is now."""
    with desk(home) as at_work:
        lines = filing_lines(at_work.work, Policy.load(), FilingRules.load(), at_work.at)
    if as_json:
        print(json.dumps([filing_json(line) for line in lines], ensure_ascii=False, indent=2))
        return
    for line in lines:
        filing, dates = line.filing, line.dates
        until = dates.expires or dates.due or ""
        where = f"{filing.exporter} -> {filing.party}" + (f" ({filing.destination})" if filing.destination else "")
        print(f"{filing.filing_id}  {line.state.value:<9} {filing.kind.value:<20} {until!s:<10}  {where}")


@app.command()
def calendar(
    home: Home,
    ics: Annotated[Path | None, typer.Option(help="Write iCalendar there; - is standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """The days that come: what is due, what runs out, what has to be kept."""
    with desk(home) as at_work:
        days = coming_days(at_work.work, Policy.load(), FilingRules.load(), at_work.at)
        at = at_work.at
    if ics is not None:
        stream = to_icalendar(as_calendar(days), at=at)
        if str(ics) == "-":
            sys.stdout.buffer.write(stream)
        else:
            ics.write_bytes(stream)
        return
    if as_json:
        told = [{"day": d.day.isoformat(), "left": d.left, "what": d.what, "about": d.about, "cite": d.cite,
                 "provisional": d.provisional} for d in days]  # fmt: skip
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for day in days:
        left = f"in {day.left} days" if day.left >= 0 else f"{-day.left} days ago"
        print(f"{day.day}  {left:<14} {day.what}: {day.about}{' (provisional)' * day.provisional}")


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _digest(path: Path | None) -> bytes | None:
    return None if path is None else sha256(path.read_bytes()).digest()

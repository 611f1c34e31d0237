"""`tongguan samples`: releases that were drawn to be looked at, what auditors found, and drawing them again."""

import json
import os
import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.database import failures
from broker.cli.partners import AsJson, Desk, Home, desk
from broker.cli.staff import KeyFile, read_key_file
from broker.core.denial import InvalidInput
from broker.core.sample import NONCE_BYTES, Sample, SampleRefused, SampleState, Verdict, checked_finding
from broker.core.sampling_check import DayCheck
from broker.core.staff import Role, Staff
from broker.flows.claim_sample import claim_sample
from broker.flows.look_at_sample import look_at_sample
from broker.flows.record_finding import record_finding
from broker.stores.export_check import check_samples
from broker.stores.signing_keys import SigningKeys
from broker.wire.checkpoint import parse_verifier_key
from broker.wire.registry import KeyUse

app = typer.Typer(no_args_is_help=True)

Release = Annotated[str, typer.Argument(metavar="LEAF_HEX", help="Leaf hash of the release, 64 hex digits.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in Shanghai.")]

_LEAF = re.compile(r"[0-9a-fA-F]{64}")
_WHY = {
    SampleRefused.UNKNOWN: "that release was not drawn, or has no place in the journal yet",
    SampleRefused.NOT_YOURS: "another auditor has it, or nobody: claim it first",
    SampleRefused.DONE: "it has a finding already",
    SampleRefused.CLOSED_TO_YOU: "only an auditor who does not operate the broker may",
    SampleRefused.ERASED: "the person's key is gone",
}


@app.command(name="list")
def list_samples(
    home: Home,
    state: Annotated[list[SampleState] | None, typer.Option(help="Only in this state; repeat.")] = None,
    day: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What was drawn, and where each stands."""
    with desk(home) as at_work:
        of_day = None if day is None else day.date()
        found = [
            _document(sample) for sample in at_work.work.samples.listed(states=state or (), day=of_day, limit=limit)
        ]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for each in found:
        print(f"{each['release']}  {each['day']}  {each['stratum']:<8}{each['state']:<9}{each['verdict'] or '-':<10}")


@app.command()
def show(release: Release, home: Home, key_file: KeyFile) -> None:
    """One release as the journal's clear part has it. The journal says that you looked."""
    with desk(home) as at_work:
        member = _member(at_work, key_file, Role.AUDITOR, Role.REGULATOR)
        seen = look_at_sample(at_work.work, release=_leaf(release), member=member, at=at_work.at, entropy=os.urandom)
        if isinstance(seen, SampleRefused):
            raise InvalidInput(seen.value, _WHY[seen])
        document = _document(seen.sample) | {"clear": dict(seen.entry.clear), "position": seen.proof.position}
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))


@app.command()
def find(
    release: Release,
    home: Home,
    key_file: KeyFile,
    verdict: Annotated[Verdict, typer.Option(help="What you found.")],
    text: Annotated[str, typer.Option(help="Why. Name no person: it cannot be erased with them.")] = "",
    follow_up: Annotated[str, typer.Option(help="What is to be done; without it the sample is closed.")] = "",
) -> None:
    """Record your finding; the release is claimed for you if nobody has it."""
    with desk(home) as at_work:
        member = _member(at_work, key_file, Role.AUDITOR)
        leaf, work, at = _leaf(release), at_work.work, at_work.at
        finding = checked_finding(verdict, text, follow_up, nonce=os.urandom(NONCE_BYTES), at=at)
        claim_sample(work, auditor=member, release=leaf, at=at, entropy=os.urandom)
        found = record_finding(work, release=leaf, auditor=member, finding=finding, at=at, entropy=os.urandom)
        if isinstance(found, SampleRefused):
            raise InvalidInput(found.value, _WHY[found])
    print(f"{release} is {verdict.value}; the sample is {found.state.value}.")


@app.command()
def verify(
    export: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="From `journal verify --export`.")],
    key: Annotated[list[str] | None, typer.Option("--verifier-key", help="Trusted verifier key; repeat.")] = None,
    home: Annotated[
        Path | None, typer.Option(envvar="TONGGUAN_HOME", help="Whose keys to trust, without --verifier-key.")
    ] = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Also print the releases drawn on that day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw every day's sample again from an exported journal; exit status 1 when something does not hold."""
    with failures():
        if key:
            keys = [parse_verifier_key(text)[1] for text in key]
        elif home is not None:
            keys = list(SigningKeys(home / "keys").publics(KeyUse.CHECKPOINT))
        else:
            raise ValueError("name the keys you trust: --verifier-key, or the broker's --home")
        days, faults = check_samples(export, keys)
    wanted = None if day is None else day.date()
    if as_json:
        print(json.dumps({"days": [_checked(one, wanted) for one in days], "faults": faults}, indent=2))
    else:
        _print(days, faults, wanted)
    if faults or any(one.faults for one in days):
        raise typer.Exit(1)


def _print(days: list[DayCheck], faults: list[str], wanted: date | None) -> None:
    for one in days:
        how = "whole, no seed bound it" if one.full else "by its seed"
        state = "" if one.closed else "; not closed yet"
        late = f" ({one.late} late)" if one.late else ""
        print(f"{one.day}: {len(one.sample)}{late} of {one.decided} releases, {how}; {one.found} found on{state}")
        for fault in one.faults:
            print(f"FAULT: {one.day}: {fault}")
        if one.day == wanted:
            for leaf in one.sample:
                print(f"  {leaf.hex()}")
    for fault in faults:
        print(f"FAULT: {fault}")
    total = len(faults) + sum(len(one.faults) for one in days)
    print("verified" if not total else f"NOT VERIFIED: {total} faults")


def _checked(one: DayCheck, wanted: date | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "day": one.day.isoformat(),
        "whole": one.full,
        "closed": one.closed,
        "decided": one.decided,
        "sampled": len(one.sample),
        "late": one.late,
        "found": one.found,
        "faults": one.faults,
    }
    return document | ({"sample": [leaf.hex() for leaf in one.sample]} if one.day == wanted else {})


def _member(at_work: Desk, key_file: Path, *roles: Role) -> Staff:
    """Whose key this is. Raises ValueError unless they are staff and have one of the roles."""
    staff_id, signer = read_key_file(key_file)
    member = at_work.work.staff.find(staff_id)
    if member is None or member.key != signer.public or not member.may(*roles):
        raise ValueError(f"that is the key of nobody here who is {' or '.join(roles)}")
    return member


def _leaf(text: str) -> bytes:
    if _LEAF.fullmatch(text) is None:
        raise ValueError("a leaf hash has 64 hexadecimal digits")
    return bytes.fromhex(text)


def _document(sample: Sample) -> dict[str, Any]:
    finding = sample.finding
    return {
        "release": sample.release.hex(),
        "day": sample.day.isoformat(),
        "kind": sample.kind,
        "stratum": sample.stratum.value,
        "late": sample.late,
        "state": sample.state.value,
        "auditor": sample.auditor,
        "verdict": None if finding is None else finding.verdict.value,
        "text": None if finding is None else finding.text,
        "follow_up": None if finding is None else finding.follow_up,
        "text_nonce": None if finding is None else finding.nonce.hex(),
    }

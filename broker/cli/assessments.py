"""`tongguan assessments`: the record of what processing means for people, from draft to signature."""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from broker.cli.case_file import read_document
from broker.cli.filings import own_rulebook
from broker.cli.partners import AsJson, Desk, Home, desk
from broker.cli.staff import KeyFile, read_key_file
from broker.core.denial import InvalidInput
from broker.core.governance.case import CaseError
from broker.core.impact_assessment import MAX_STATEMENT_BYTES, read_statement, signed_bytes
from broker.core.impact_findings import ImpactRules
from broker.flows.assessment_paper import assessment_json, assessment_paper, state_words
from broker.flows.complete_assessment import complete_assessment, open_assessment
from broker.flows.draft_assessment import draft_assessment
from broker.flows.list_assessments import AssessmentLine, assessment_lines, missing_exporters
from broker.flows.sign_assessment import sign_assessment
from broker.paper import to_pdf

app = typer.Typer(no_args_is_help=True)

AssessmentId = Annotated[UUID, typer.Argument(help="The assessment's id, as `list` shows it.")]


@app.callback()
def _group() -> None:
    """Impact assessments (PIPL 55, 56; GDPR 35)."""


@app.command()
def draft(
    home: Home, exporter: Annotated[str, typer.Option(help="The exporter's id, as in the statement about transfers.")]
) -> None:
    """Draft the next version from what is configured. Prints its id."""
    with desk(home) as at_work:
        made = draft_assessment(
            at_work.work,
            exporter_id=exporter,
            rulebook=own_rulebook(at_work),
            rules=ImpactRules.load(),
            at=at_work.at,
            entropy=os.urandom,
        )
    findings = made.content()["findings"]
    typer.echo(
        f"Version {made.version}: {findings['criteria_met']} of nine criteria are met, {len(findings['risks'])} risks. "
        "Now: tongguan assessments complete.",
        err=True,
    )
    print(made.assessment_id)


@app.command()
def complete(
    assessment: AssessmentId,
    home: Home,
    statement: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="TOML, YAML or JSON (specs/impact-assessment.md 3).")
    ],
) -> None:
    """Add what people state. It may be stated anew until it is signed."""
    with desk(home) as at_work:
        complete_assessment(
            at_work.work,
            assessment,
            read_statement(_read(statement)),
            rulebook=own_rulebook(at_work),
            at=at_work.at,
            entropy=os.urandom,
        )
    print(f"{assessment} is completed. Now: tongguan assessments sign.")


@app.command()
def sign(assessment: AssessmentId, home: Home, key_file: KeyFile) -> None:
    """Sign it with your key: from then on it stands, for exactly this configuration."""
    with desk(home) as at_work:
        staff_id, signer = read_key_file(key_file)
        rulebook = own_rulebook(at_work)
        found = open_assessment(at_work.work, assessment, rulebook=rulebook, at=at_work.at)
        signed = sign_assessment(
            at_work.work,
            assessment,
            staff_id=staff_id,
            signature=signer.sign(signed_bytes(found.document)),
            rulebook=rulebook,
            at=at_work.at,
            entropy=os.urandom,
        )
    print(f"{assessment} is signed by {staff_id} and is kept until {signed.retain_until} at least.")


@app.command(name="list")
def list_assessments(home: Home, as_json: AsJson = False) -> None:
    """Every version, and how each is now; exporters without one that stands."""
    with desk(home) as at_work:
        rulebook = own_rulebook(at_work)
        lines = assessment_lines(at_work.work, rulebook, at_work.at)
        missing = missing_exporters(lines, rulebook)
    if as_json:
        told = [
            {
                "assessment_id": str(line.assessment.assessment_id),
                "exporter": line.assessment.exporter,
                "version": line.assessment.version,
                "state": line.state.value,
            }
            for line in lines
        ]
        print(json.dumps({"assessments": told, "without": missing}, indent=2))
        return
    for line in lines:
        held = line.assessment
        print(f"{held.assessment_id}  {held.exporter:<20} version {held.version:<4} {line.state.value}")
    for exporter in missing:
        typer.echo(f"{exporter}: no assessment stands.", err=True)


@app.command()
def show(assessment: AssessmentId, home: Home, as_json: AsJson = False) -> None:
    """One assessment: in short, or the whole record with its signature as JSON."""
    with desk(home) as at_work:
        line = _line(at_work, assessment)
    if as_json:
        print(json.dumps(assessment_json(line), ensure_ascii=False, indent=2))
        return
    content = line.assessment.content()
    findings = content["findings"]
    print(f"{line.assessment.exporter}, version {line.assessment.version}: {state_words(line.state)}")
    print(f"Configuration {content['configuration_sha256']}; {content['persons_concerned']} persons.")
    for name, questions in (("PIPL 55", findings["pipl"]), ("WP248", findings["criteria"])):
        for each in questions:
            print(f"  {name:<8} {'yes' if each['met'] else 'no ':<4} {each['title']}")
    for risk in findings["risks"]:
        print(f"  risk     harm {risk['harm']:<6} likelihood {risk['likelihood']:<6} {risk['title']}")


@app.command()
def pdf(
    assessment: AssessmentId,
    home: Home,
    out: Annotated[Path, typer.Option(help="Where to write it.")],
) -> None:
    """The record as PDF. The same record gives the same bytes."""
    with desk(home) as at_work:
        line = _line(at_work, assessment)
    held = line.assessment
    out.write_bytes(to_pdf(assessment_paper(line), at=held.signature.at if held.signature else held.drafted_at))


def _line(at_work: Desk, assessment: UUID) -> AssessmentLine:
    for line in assessment_lines(at_work.work, own_rulebook(at_work), at_work.at):
        if line.assessment.assessment_id == assessment:
            return line
    raise InvalidInput("unknown_assessment", "no assessment has that id")


def _read(path: Path) -> object:
    if path.stat().st_size > MAX_STATEMENT_BYTES:
        raise InvalidInput("bad_statement", f"a statement has at most {MAX_STATEMENT_BYTES} bytes")
    try:
        if path.suffix != ".toml":
            return read_document(path)
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except CaseError as error:
        raise InvalidInput("bad_statement", str(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput("bad_statement", f"{path.name} is no TOML") from error

"""`tongguan assessments`, `filings` and `alarms`: from the operator's terminal to what stands."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.cli import app
from broker.core.alarm import Alarm
from broker.stores.database import Database
from broker.stores.work import Works
from tests.api.test_partners_cli import Operator, journal

STATEMENT = """
assessor = "保護主任"
assessed_on = 2026-11-20
necessity = "No lane works without it."
mitigation = "Training each year."
residual = "low"
residual_reason = "Nothing leaves undecided."
[[opinions]]
of = "Users' council"
text = "Agreed."
"""


@pytest.fixture
def operator(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setenv("TONGGUAN_DATABASE_URL", database_url)
    made = Operator(tmp_path / "home")
    assert made.run("broker", "init").exit_code == 0
    return made


def test_an_assessment_from_draft_to_signature(operator: Operator, database: Database, tmp_path: Path) -> None:
    key, statement, pdf = tmp_path / "key.json", tmp_path / "statement.toml", tmp_path / "a.pdf"
    statement.write_text(STATEMENT, encoding="utf-8")
    made = operator.runner.invoke(app, ["staff", "key", "op-1", "--out", str(key)])
    public = tmp_path / "public.json"
    public.write_text(made.stdout)
    assert (
        operator.run("staff", "add", "op-1", "--name", "O", "--role", "operator", "--key", str(public)).exit_code == 0
    )
    assert operator.run("assessments", "draft", "--exporter", "nobody").exit_code == 2
    drafted = operator.run("assessments", "draft", "--exporter", "tongguan-cn")
    held = drafted.stdout.strip()
    assert operator.run("assessments", "sign", held, "--key", str(key)).exit_code == 2
    assert operator.run("assessments", "complete", held, "--statement", str(statement)).exit_code == 0
    listed = operator.json("assessments", "list")
    assert listed["assessments"][0]["state"] == "completed"
    signed = operator.run("assessments", "sign", held, "--key", str(key))
    assert "is kept until 20" in signed.stdout
    assert operator.json("assessments", "show", held)["state"] == "signed"
    assert "yes" in operator.run("assessments", "show", held).stdout
    assert operator.run("assessments", "pdf", held, "--out", str(pdf)).exit_code == 0
    assert pdf.read_bytes().startswith(b"%PDF-1.7")
    kinds = [kind for kind, _ in journal(database) if "assessment" in kind]
    assert kinds == [f"operator:assessment:{verb}" for verb in ("drafted", "completed", "signed")]
    # A new recipient makes it stale.
    assert operator.add("--purpose", "age-check").exit_code == 0
    assert operator.json("assessments", "list")["assessments"][0]["state"] == "stale"


def test_filings_and_alarms(operator: Operator, database: Database, tmp_path: Path) -> None:
    evidence, ics = tmp_path / "contract.pdf", tmp_path / "f.ics"
    evidence.write_bytes(b"contract")
    common = ["--exporter", "tongguan-cn", "--destination", "HK", "--effective", "2026-11-16"]
    assert operator.run("filings", "add", "gba_contract", *common[:2], "--effective", "2026-11-16").exit_code == 2
    added = operator.run("filings", "add", "gba_contract", *common, "--party", "HK-SZB")
    assert "To be filed by 2026-11-30" in added.stderr
    held = added.stdout.strip()
    assert operator.run("filings", "calendar", "--ics", str(ics)).exit_code == 0
    assert b"DTSTART;VALUE=DATE:20261130" in ics.read_bytes()
    told = ["--on", "2026-11-20", "--reference", "7", "--evidence", str(evidence)]
    assert operator.run("filings", "filed", held, *told).exit_code == 0
    assert operator.run("filings", "filed", held, *told).exit_code == 2
    (line,) = operator.json("filings", "list")
    assert (line["state"], line["reference"], line["due"]) == ("filed", "7", "2026-11-30")
    assert operator.run("filings", "end", held).exit_code == 0
    assert operator.json("filings", "list")[0]["state"] == "ended"
    assert operator.json("filings", "calendar") == []
    with Works(database).begin() as work:
        work.alarms.raise_new([Alarm(2026, "sensitive/x/CN", "order16.7", 10_000, 70, 7_000)], at=datetime.now(UTC))
    assert operator.json("alarms")[0]["level"] == 70
    assert "70 % of 10000" in operator.run("alarms").stdout

"""`tongguan staff` and `tongguan changes`: from key files to a list in force and out of it again."""

import json
import stat
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from broker.cli import app
from broker.core.staff import staff_signer
from broker.stores.database import Database
from broker.stores.work import Works
from tests.api.test_partners_cli import journal

ENTRIES = "# who\nhkid,A123456(3),current\nmacau_bir,1234567/8,former,2020-11-21\n"
NUMBERS = ("A1234563", "A123456", "12345678")


class Office:
    """Runs `tongguan` in this process, with key files of several members."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.runner = CliRunner()

    def at_home(self, *arguments: str, code: int = 0) -> Result:
        return self.run(*arguments, "--home", str(self.home), code=code)

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = self.runner.invoke(app, [*arguments], prog_name="tongguan")
        assert result.exit_code == code, result.output
        return result

    def key(self, staff_id: str) -> str:
        return str(self.folder / f"{staff_id}.json")

    def employ(self, staff_id: str, role: str, *more: str) -> None:
        printed = self.run("staff", "key", staff_id, "--out", self.key(staff_id), *more).stdout
        public = self.folder / f"{staff_id}.pub.json"
        public.write_text(printed)
        self.at_home("staff", "add", staff_id, "--name", "Somebody", "--role", role, "--key", str(public))

    def sign(self, change: str, staff_id: str, code: int = 0) -> Result:
        return self.at_home("changes", "sign", change, "--key", self.key(staff_id), "--yes", code=code)

    def said(self, result: Result) -> Any:
        return json.loads(result.stdout)


@pytest.fixture
def office(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("TONGGUAN_DATABASE_URL", database_url)
    made = Office(tmp_path)
    made.at_home("broker", "init")
    for staff_id, role, *more in (("op-1", "operator"), ("op-2", "operator", "--alg", "ES256"), ("au-1", "auditor")):
        made.employ(staff_id, role, *more)
    return made


def test_a_list_from_a_file_to_its_end(office: Office, database: Database, tmp_path: Path) -> None:
    assert stat.S_IMODE(Path(office.key("op-1")).stat().st_mode) == 0o600
    entries = tmp_path / "entries.csv"
    entries.write_text(ENTRIES)
    terms = ["--because", "Offices of this year", "--days", "30", "--key", office.key("op-1")]
    proposed = office.said(office.at_home("changes", "propose", "special_identity", "--entries", str(entries), *terms))
    change = proposed["change"]
    assert proposed["state"] == "proposed"
    assert proposed["body"]["entries"] == 2

    # The second signer sees that it is of the file they were given.
    office.at_home("changes", "compare", change, "--entries", str(entries))
    entries.write_text(ENTRIES.replace("current", "family"))
    office.at_home("changes", "compare", change, "--entries", str(entries), code=1)
    office.sign(change, "op-1", code=1)
    office.sign(change, "au-1", code=1)
    assert office.said(office.sign(change, "op-2"))["in_force_at"] is not None

    asked = ["changes", "check", change, "--type", "hkid", "--number"]
    assert office.at_home(*asked, "a123456(3)").stdout.strip() == "current"
    assert office.at_home(*asked, "B1234563").stdout.strip() == "none"

    ending = office.said(
        office.at_home("changes", "withdraw", change, "--because", "Over", "--key", office.key("op-2"))
    )
    office.sign(ending["change"], "op-1")
    kinds = [kind for kind, _ in journal(database)]
    assert kinds.count("governance:change:adopted") == 2
    assert kinds.count("governance:change:refused") == 2
    shown = office.at_home("changes", "list", "--json").stdout + str(journal(database))
    assert not any(number in shown for number in NUMBERS)


def test_a_signature_made_elsewhere_and_files_that_are_refused(
    office: Office, database: Database, tmp_path: Path
) -> None:
    body = tmp_path / "stop.toml"
    body.write_text('effect = "deny"\nrecipients = ["bank"]\n')
    terms = ["--because", "A leak", "--key", office.key("op-1"), "--body", str(body)]
    office.at_home("changes", "propose", "exclusion", *terms, "--hours", "73", code=2)
    proposed = office.said(office.at_home("changes", "propose", "exclusion", *terms, "--hours", "72"))
    with Works(database).begin() as work:
        change = work.changes.find(UUID(hex=proposed["change"]))
    assert change is not None
    statement = tmp_path / "statement.bin"
    statement.write_bytes(change.statement())
    sign = ["changes", "sign", "--key", office.key("op-2"), "--statement", str(statement)]
    signature = office.run(*sign, "--yes").stdout.strip()
    signer = staff_signer(json.loads(Path(office.key("op-2")).read_text()))
    signer.public.verify(urlsafe_b64decode(signature + "=="), change.statement())
    statement.write_bytes(change.statement() + b"\x00")
    office.run(*sign, "--yes", code=1)
    Path(office.key("op-2")).chmod(0o644)
    office.sign(proposed["change"], "op-2", code=1)

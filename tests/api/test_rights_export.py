"""A person's copy of everything about them: complete, signed, decided, and without the face unless asked for."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from broker.cli.rights import app
from broker.core.jws import public_jwk
from broker.wire.registry import KeyUse
from tests.support.rights import Person, arrive
from tests.support.web_world import WebWorld

SCHEMA = Path(__file__).parents[2] / "specs" / "portability-export.schema.json"


@pytest.fixture
def person(web: WebWorld, http: TestClient) -> Person:
    traveller = web.world.ready()
    web.world.one_pass(traveller)
    return arrive(web, http, traveller)


def _export(person: Person, **more: str) -> Any:
    form = person.form(person.get("/rights/export"), "/rights/export")
    return person.send(form, **{"format": "json", **more})


def _verify(web: WebWorld, folder: Path, content: bytes) -> int:
    (folder / "keys.json").write_text(json.dumps(public_jwk(web.world.signers[KeyUse.RECEIPT].public)))
    (folder / "export.json").write_bytes(content)
    return (
        CliRunner().invoke(app, ["verify", str(folder / "export.json"), "--keys", str(folder / "keys.json")]).exit_code
    )


def test_the_copy_is_complete_signed_and_journalled(web: WebWorld, person: Person, tmp_path: Path) -> None:
    answer = _export(person)
    assert answer.headers["content-disposition"] == 'attachment; filename="tongguan-export.json"'
    assert _verify(web, tmp_path, answer.content) == 0
    jsonschema.validate(answer.json(), json.loads(SCHEMA.read_text()), cls=jsonschema.Draft202012Validator)
    document = answer.json()["export"]
    assert document["format"] == "tongguan/portability-export/v1"
    assert document["claims"]["document_number"] == "A1234563"
    assert [one["provider"] for one in document["identities"]] == ["iamsmart"]
    assert {one["purpose"] for one in document["consents"]} == {"face-enrolment", "e-channel"}
    assert all(one["receipt"].count(".") == 2 for one in document["consents"])
    assert [one["zone"] for one in document["passes"]] == ["HK-SZB"]
    # The newest entry is this very export; no mint crossed a border, so it is the first that says a decision.
    assert document["uses"][0]["entry"] == document["export_entry"]
    assert document["uses"][0]["kind"] == "traveller:data:exported"
    assert (document["decisions"][0]["transfer"], document["decisions"][0]["destination"]) == ("allow", "HK")
    assert len(document["uses"]) == 6
    # A face leaves only when it is asked for in so many words.
    assert (document["face_template"], document["portrait"]) == (None, None)

    changed = answer.content.replace(b"A1234563", b"A1234564")
    assert _verify(web, tmp_path, changed) == 1


def test_a_face_needs_a_reason(web: WebWorld, person: Person) -> None:
    assert _export(person, template="yes").status_code == 422
    given = _export(person, template="yes", reason="moving to another service").json()["export"]
    assert given["face_template"]
    assert given["uses"][0]["personal"]["why"] == "moving to another service"


def test_the_document_to_read(person: Person) -> None:
    for language in ("zh-Hant", "pt"):
        pdf = _export(person, format="pdf", lang=language)
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF")

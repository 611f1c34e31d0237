"""Erasing oneself, and the certificate: through the application, over a real database, verified without it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from broker.cli.rights import app
from broker.core.epoch import dies_at, epoch_of
from broker.core.jws import public_jwk
from broker.core.traveller import receipt_subject
from broker.flows.epoch_secrets import retire_epoch_secrets
from broker.stores.rights_tables import ERASURE_CERTIFICATES
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from tests.support.rights import Person, arrive, place_entries, verifier_key
from tests.support.web_world import WebWorld

MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(web: WebWorld, http: TestClient) -> Person:
    return arrive(web, http, web.world.ready(offline=True))


def _erase(person: Person) -> str:
    """The address of the certificate."""
    form = person.form(person.get("/rights/erasure"), "/rights/erasure")
    away = person.send(form, erase="yes")
    assert away.status_code == 303, away.text
    return away.headers["location"].partition("?")[0]


def _verify(web: WebWorld, tmp_path: Path, jws: str, *options: str) -> tuple[int, str]:
    keys, file = tmp_path / "keys.json", tmp_path / "certificate.jws"
    keys.write_text(json.dumps({"keys": [public_jwk(web.world.signers[KeyUse.RECEIPT].public)]}))
    file.write_text(jws)
    result = CliRunner().invoke(app, ["verify", str(file), "--keys", str(keys), *options])
    return result.exit_code, result.output


def _stated(output: str) -> dict[str, Any]:
    decoded, _ = json.JSONDecoder().raw_decode(output)
    return dict(decoded)


def test_the_certificate_claims_erased_only_when_the_last_key_has_died(
    web: WebWorld, person: Person, http: TestClient, tmp_path: Path
) -> None:
    web.world.one_pass(person.traveller, PassMode.OFFLINE)
    subject = receipt_subject(web.keys.key(person.traveller))
    asked = person.get("/rights/erasure")
    assert dies_at(epoch_of(web.now())).strftime("%Y-%m-%d %H:%M") in asked.text
    address = _erase(person)
    assert person.get("/rights").status_code == 303  # the session ended with the person
    with pytest.raises(LookupError):
        web.keys.key(person.traveller)

    # The journal has no place yet: nothing is handed out, and the page says to wait.
    assert "Load this page again" in person.get(address).text
    assert http.post(address, data={"format": "jws"}).status_code == 303
    place_entries(web)

    # Deleted here; a gate could still open the code on the phone.
    page = person.get(address)
    assert "from then on this certificate says" in page.text
    interim = http.post(address, data={"format": "jws"})
    code, output = _verify(web, tmp_path, interim.text)
    assert code == 0
    assert (_stated(output)["status"], _stated(output)["sub"]) == ("deleted", subject)

    # The moment has come, and still nobody has destroyed the secret: not erased.
    web.world.at = dies_at(epoch_of(web.now()))
    assert _stated(_verify(web, tmp_path, http.post(address, data={"format": "jws"}).text)[1])["status"] == "deleted"
    with web.world.begin() as work:
        retire_epoch_secrets(work, keys=web.keys, at=web.now(), entropy=web.world.entropy)

    final = http.post(address, data={"format": "jws"})
    code, output = _verify(web, tmp_path, final.text, "--journal-key", verifier_key(web))
    assert code == 0, output
    stated = _stated(output)
    assert stated["status"] == "erased"
    assert stated["destroyed"] == {
        "face_templates": 1, "portraits": 0, "claims": 1, "identities": 1, "consents": 3, "passes_revoked": 1,
    }  # fmt: skip
    assert "is under the checkpoint" in output
    pdf = http.post(address, data={"format": "pdf", "lang": "zh-Hant"})
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")

    # Handed out: ten minutes to repeat a transfer that broke, and then never again.
    web.pass_time(9 * MINUTE)
    assert http.post(address, data={"format": "jws"}).status_code == 200
    web.pass_time(2 * MINUTE)
    assert http.post(address, data={"format": "jws"}).status_code == 404


def test_what_was_tampered_with_does_not_verify(web: WebWorld, person: Person, tmp_path: Path) -> None:
    address = _erase(person)
    place_entries(web)
    jws = person.http.post(address, data={"format": "jws"}).text
    head, body, tail = jws.split(".")
    other = ("A" if body[40] != "A" else "B").join((body[:40], body[41:]))
    assert _verify(web, tmp_path, ".".join((head, other, tail)))[0] == 1
    assert _verify(web, tmp_path, jws[:-4])[0] == 1
    stranger = verifier_key(web)[:-8] + "AAAAAAA="
    assert _verify(web, tmp_path, jws, "--journal-key", stranger)[0] == 1


def test_a_person_confirms_and_has_logged_in_lately(web: WebWorld, person: Person) -> None:
    page = person.get("/rights/erasure")
    form = person.form(page, "/rights/erasure")
    assert person.send(form).status_code == 422  # nothing ticked
    assert person.http.post("/rights/erasure", data={"erase": "yes", "csrf": "guess"}).status_code == 403
    web.pass_time(5 * MINUTE)
    for late in (person.get("/rights/erasure"), person.send(form, erase="yes")):
        assert late.status_code == 303
        assert "/login?" in late.headers["location"]
    assert web.keys.key(person.traveller)  # still there


def test_nothing_kept_connects_the_certificate_with_a_receipt(web: WebWorld, person: Person) -> None:
    subject = receipt_subject(web.keys.key(person.traveller))
    address = _erase(person)
    with web.database.unit_of_work() as uow:
        row = uow.session.execute(ERASURE_CERTIFICATES.select()).one()
    assert subject.encode() not in bytes(row.sealed)
    other = address[:-1] + ("A" if address[-1] != "A" else "Q")
    assert person.http.post(other, data={"format": "jws"}).status_code == 404
    assert person.get("/rights/certificates/short").status_code == 422


def test_an_old_login_of_the_wallet_does_not_erase(web: WebWorld, http: TestClient) -> None:
    """RFC 9470: the same window as on the page."""
    traveller = web.world.ready()
    wallet = web.wallet(http, traveller, auth_time=web.now() - timedelta(seconds=301))
    refused = wallet.delete("/account")
    assert (refused.status_code, refused.json()["error"]) == (401, "insufficient_user_authentication")
    assert 'max_age="300"' in refused.headers["www-authenticate"]
    assert web.keys.key(traveller)  # still there
    assert web.wallet(http, traveller).delete("/account").status_code == 200


def test_the_wallet_is_told_where_the_certificate_is(web: WebWorld, http: TestClient) -> None:
    wallet = web.wallet(http, web.world.ready())
    erased = wallet.delete("/account").json()
    assert erased["certificate"].startswith("http://127.0.0.1:8400/rights/certificates/")
    place_entries(web)
    path = erased["certificate"].removeprefix("http://127.0.0.1:8400")
    assert http.post(path, data={"format": "jws"}).status_code == 200

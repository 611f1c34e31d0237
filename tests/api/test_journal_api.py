"""Anybody can fetch a checkpoint and a proof, and needs nothing but the verifier key to believe them."""

import json
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from broker.stores.database import Database
from broker.stores.sequencer import Sequencer
from broker.stores.signing_keys import SigningKeys
from broker.wire import checkpoint as checkpoints
from broker.wire import merkle
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.support.process import tongguan
from tests.support.web_world import WALLET, WebWorld, problem

CHECKPOINT = LocalSigner.generate(KeyUse.CHECKPOINT)


def _sequence(web: WebWorld, signer: LocalSigner = CHECKPOINT) -> int:
    return Sequencer(web.database, signer, web.now).run_once()


def _check(proof: dict[str, object], signer: LocalSigner) -> None:
    """As an auditor would, with the public key alone."""
    note = str(proof["checkpoint"])
    signed = checkpoints.verify(note, [signer.public], expected_origin=note.split("\n", 1)[0])
    assert signed.size == proof["size"]
    path = [bytes.fromhex(node) for node in proof["proof"]]
    leaf, index = bytes.fromhex(str(proof["leaf"])), int(str(proof["index"]))
    merkle.verify_inclusion(leaf, index=index, size=signed.size, proof=path, root=signed.root)


def test_a_person_proves_every_use_they_are_shown(web: WebWorld, http: TestClient) -> None:
    traveller = web.world.ready()
    wallet = web.wallet(http, traveller)
    leaves = [use["entry"] for use in wallet.get("/uses").json()["uses"]]
    assert len(leaves) > 3
    # The entries wait for a place: no proof yet, and no checkpoint.
    early = http.get(f"/journal/v1/proofs/{leaves[0]}")
    assert problem(early)["type"] == "/problems/entry-unknown"
    assert (early.status_code, early.headers["retry-after"]) == (404, "1")
    assert problem(http.get("/journal/v1/checkpoint"))["status"] == 404

    assert _sequence(web) >= len(leaves)
    for leaf in leaves:
        answer = http.get(f"/journal/v1/proofs/{leaf}", headers={"origin": WALLET})
        assert answer.status_code == 200, answer.text
        assert answer.headers["access-control-allow-origin"] == WALLET
        assert answer.json()["leaf"] == leaf
        _check(answer.json(), CHECKPOINT)
    note = http.get("/journal/v1/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.text == answer.json()["checkpoint"]
    # A proof for one leaf proves no other.
    with pytest.raises(merkle.ProofError):
        _check(answer.json() | {"leaf": leaves[0]}, CHECKPOINT)


def test_what_is_no_entry_has_no_proof(web: WebWorld, http: TestClient) -> None:
    web.world.ready()
    _sequence(web)
    assert problem(http.get(f"/journal/v1/proofs/{'ab' * 32}"))["type"] == "/problems/entry-unknown"
    # A refusal is for programs, whatever a browser would rather read.
    browser = http.get(f"/journal/v1/proofs/{'ab' * 32}", headers={"accept": "text/html"})
    assert problem(browser)["status"] == 404
    for wrong in ("ab" * 31, "AB" * 32, "zz" * 32):
        assert problem(http.get(f"/journal/v1/proofs/{wrong}"))["status"] == 422


def _prove(leaf: str, home: Path, database: Database) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "TONGGUAN_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
    }
    command = tongguan("journal", "prove", leaf, "--home", home)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_prints_a_proof_that_holds_and_no_other(web: WebWorld, tmp_path: Path) -> None:
    home = tmp_path / "broker"
    signer = SigningKeys.generate(home / "keys").signer(KeyUse.CHECKPOINT)
    traveller = web.world.ready()
    with web.world.begin() as work:
        key = web.keys.key(traveller)
        leaf = work.journal.of_traveller(traveller, key=key, limit=1, before=None)[0].leaf_hash.hex()
    waiting = _prove(leaf, home, web.database)
    assert (waiting.returncode, waiting.stdout) == (1, "")
    assert "no such entry in place" in waiting.stderr

    _sequence(web, signer)
    done = _prove(leaf, home, web.database)
    assert done.returncode == 0, done.stderr
    _check(json.loads(done.stdout), signer)
    assert "64 hexadecimal digits" in _prove("xyz", home, web.database).stderr
    # Under another broker's keys nothing is proven, so nothing is printed.
    SigningKeys.generate(tmp_path / "other" / "keys")
    stranger = _prove(leaf, tmp_path / "other", web.database)
    assert (stranger.returncode, stranger.stdout) == (1, "")

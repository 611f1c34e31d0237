"""A form filled at a provider for an agency: real processes, the provider's own dialect, a person with a browser."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from jwt import PyJWKSet, decode, get_unverified_header

import broker.web.developers
from tests.support.agency_world import AgencyClient
from tests.support.logins import synthetic_portraits
from tests.support.sandbox_stage import FAPI2_CLIENT, PARTNER, SandboxStage
from tests.support.stage import Tls

FIELDS = ("family_name", "given_name", "native_name", "birthdate", "document_number")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[SandboxStage]:
    home = tmp_path_factory.mktemp("approvals")
    portraits = synthetic_portraits(home / "portraits")
    tls = Tls.make(home / "tls", "127.0.0.1")
    with SandboxStage(
        home / "stage", portraits, tls=tls, serve_wallet=False, database_url=module_database_url
    ) as running:
        yield running


@pytest.fixture(scope="module")
def key(stage: SandboxStage) -> ECKey:
    """The agency's encryption key, made known by the operator with the ceilings that forms need."""
    made = ECKey.generate_key("P-256", {"kid": "bank-enc", "use": "enc"})
    signing = ECKey.import_key(stage.key)
    jwks = stage.home / "with-encryption.jwks"
    keys = [signing.as_dict(private=False), made.as_dict(private=False)]
    jwks.write_text(json.dumps({"keys": keys}), encoding="utf-8")
    home = ("--home", stage.broker_home)
    stage.run("partners", "rotate", PARTNER, "--jwks", jwks, *home)
    claims = [part for name in FIELDS for part in ("--claim", name)]
    shown = json.loads(stage.run("partners", "show", PARTNER, "--json", *home))
    scopes = [part for name in shown["scopes"] for part in ("--scope", name)]
    stage.run("partners", "ceiling", PARTNER, "--purpose", "form-filling", *claims, *home)
    stage.run(
        "partners", "client", "add", PARTNER, "--client-id", "forms", "--redirect-uri", "https://forms.example/done",
        *scopes, "--purpose", "form-filling", *claims, *home,
    )  # fmt: skip
    return made


def program() -> ModuleType:
    """The developers' Python program as a module."""
    path = Path(broker.web.developers.__file__).parent / "examples" / "tongguan_agency.py"
    spec = spec_from_file_location("tongguan_agency", path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def agency(stage: SandboxStage, monkeypatch: pytest.MonkeyPatch) -> AgencyClient:
    """The agency's program with a token for itself (client_credentials)."""
    monkeypatch.setenv("SSL_CERT_FILE", str(stage.ca))
    monkeypatch.setenv("NO_PROXY", "*")
    signing = ECKey.import_key(stage.key)
    client = program().Agency(stage.broker_url, "forms", signing.private_key, stage.key["kid"])
    form = {"grant_type": "client_credentials", "scope": "partner"}
    token = client.send("POST", client.server["token_endpoint"], form=form)["access_token"]
    http = httpx.Client(base_url=stage.broker_url, timeout=30)
    return AgencyClient(http, token, client.dpop_key, lambda: datetime.now(UTC), issuer=stage.broker_url)


def test_a_person_lets_their_provider_fill_a_form(
    stage: SandboxStage, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = agency(stage, monkeypatch)
    order = {"fields": list(FIELDS), "form": {"name": "Account opening", "number": "B-1"}}
    once = {"Idempotency-Key": os.urandom(8).hex()}
    made = bank.post("/form-fills", json=order, headers=once)
    assert made.status_code == 201, made.text
    browser = stage.browser()
    page = browser.go(made.json()["approval_url"], back_at="https://nowhere.example/")
    assert isinstance(page, httpx.Response)
    assert page.status_code == 200, page.text
    assert browser.seen == ["login", "consent", "page"]
    found = bank.get(f"/form-fills/{made.json()['id']}").json()
    assert found["status"] == "fetched", found
    inner = jwe.decrypt_compact(found["result"], key).plaintext
    assert inner is not None
    published = PyJWKSet.from_dict(bank.http.get("/agencies/v1/jwks").json())
    verifying = next(one for one in published.keys if one.key_id == get_unverified_header(inner)["kid"])
    claims = decode(inner, verifying.key, algorithms=["EdDSA"], audience=PARTNER, issuer=stage.broker_url)
    assert claims["fields"].keys() == set(FIELDS)
    assert claims["provider"] == "macau"
    # The same order under the same key is the same request, and its result does not come twice as a new one.
    assert bank.post("/form-fills", json=order, headers=once).json()["id"] == made.json()["id"]


def test_a_person_who_refuses_leaves_nothing(stage: SandboxStage, key: ECKey, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = agency(stage, monkeypatch)
    order = {"fields": ["birthdate"], "form": {"name": "Age", "number": "B-2"}}
    made = bank.post("/form-fills", json=order).json()
    browser = stage.browser()
    browser.agrees = False
    browser.go(made["approval_url"], back_at="https://nowhere.example/")
    found = bank.get(f"/form-fills/{made['id']}").json()
    assert (found["status"], found["result"]) == ("refused", None)


def test_another_client_may_not_ask_for_forms(stage: SandboxStage, key: ECKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client that was there before has no more than it was given: raising a ceiling lifts no client."""
    shown = json.loads(stage.run("partners", "show", PARTNER, "--json", "--home", stage.broker_home))
    purposes = {one["client_id"]: one["purposes"] for one in shown["clients"]}
    assert purposes["forms"] == ["form-filling"]
    assert "form-filling" not in purposes[FAPI2_CLIENT]

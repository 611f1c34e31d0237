"""Claims in the ID token under contention: a code is redeemed while its consent is held, and nobody is turned away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from broker.core.authorization import AuthorizationCode, digest
from broker.core.client import Authentication, Client, Profile
from broker.core.grant_merge import GrantAction
from broker.core.identity_release import Frequency, ReleasedClaims
from broker.flows.release_claims import release_claims
from broker.flows.withdraw_consent import withdraw_consent
from broker.oidc.client import Clients
from broker.stores.database import Database
from broker.wire.registry import KeyUse
from tests.support.lock_waits import AwaitLockWait
from tests.support.lock_waits import await_lock_wait as await_lock_wait
from tests.support.partner_world import BANK, PartnerWorld, client_of, opening
from tests.support.web_world import WebWorld

ASKED = opening("name", frequency=Frequency(5, timedelta(days=1)))
CALLBACK = f"https://{BANK}.example/callback"


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebWorld]:
    made = WebWorld(database, tmp_path)
    stored = Clients(made.server.clients.configured, made.storage.find_client, sandbox=True)
    made.server = replace(made.server, clients=stored)
    made.ports = replace(made.ports, authorization=made.server)
    yield made
    made.keys.close()


@pytest.fixture
def partners(web: WebWorld) -> PartnerWorld:
    """The bank is abroad, so that everything it is told is entered in the ledger."""
    return PartnerWorld(web.world, jurisdiction="MO")


@pytest.fixture
def client(partners: PartnerWorld) -> Client:
    """It proves itself by a secret, which keeps its requests short."""
    made = client_of(
        partners.world, profile=Profile.OIDC_BASIC, auth=Authentication.CLIENT_SECRET_BASIC,
        secret_hash=digest("secret"), jwks=None,
    )  # fmt: skip
    with partners.world.begin() as work:
        work.clients.add(made)
    return made


def coded(web: WebWorld, client: Client, person: UUID, consent: UUID, **changes: Any) -> AuthorizationCode:
    """A code whose client wants the name in the ID token."""
    at = web.now()
    code = AuthorizationCode(
        digest(f"code {uuid4()}"), uuid4(), client.client_id, CALLBACK, None, frozenset({"openid"}), None, None, person,
        "iamsmart", "urn:tongguan:acr:high", at, at + timedelta(minutes=1), releases=(ASKED,), consents=(consent,),
        claims={"id_token": {"name": {"essential": True}}},
    )  # fmt: skip
    return replace(code, **changes)


def redeem(http: httpx.Client, web: WebWorld, code: AuthorizationCode) -> httpx.Response:
    value = str(uuid4())
    with web.storage.unit() as unit:
        unit.add_code(replace(code, code_hash=digest(value)))
    form = {"grant_type": "authorization_code", "code": value, "redirect_uri": CALLBACK}
    return http.post("/oauth/token", data=form, auth=(code.client_id, "secret"))


def id_token(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return jwt.decode(answer.json()["id_token"], options={"verify_signature": False})


@pytest.mark.parametrize("merges", [False, True])
def test_a_withdrawal_that_came_first_leaves_the_claims_out(
    web: WebWorld, partners: PartnerWorld, client: Client, await_lock_wait: AwaitLockWait, merges: bool
) -> None:
    world = web.world
    person = world.link().traveller
    consent = partners.agree(person, ASKED).record.consent_id
    code = coded(web, client, person, consent)
    with web.client() as http, ThreadPoolExecutor(1) as pool:
        if merges:
            assert id_token(redeem(http, web, code))["name"]
            code = replace(code, grant_action=GrantAction.MERGE.value)
        with world.begin() as work:
            assert work.consents.lock_for_change(person, consent) is not None
            redeeming = pool.submit(redeem, http, web, code)
            await_lock_wait(redeeming)
            withdraw_consent(
                work, keys=world.keys, status_signer=world.signers[KeyUse.STATUS], traveller=person,
                consent_id=consent, at=world.at, entropy=world.entropy,
            )  # fmt: skip
        token = id_token(redeeming.result(timeout=60))
    assert "name" not in token
    with web.storage.unit() as unit:
        grant = unit.grant(code.grant_id)
    assert grant is not None
    assert grant.revoked_at is not None  # it was there for the withdrawal to end


def test_a_release_at_the_same_time_and_the_claims_both_go_out(
    web: WebWorld, partners: PartnerWorld, client: Client, await_lock_wait: AwaitLockWait
) -> None:
    world = web.world
    person = world.link().traveller
    consent = partners.agree(person, ASKED).record.consent_id
    with web.client() as http, ThreadPoolExecutor(1) as pool:
        with world.begin() as work:
            assert work.consents.lock_for_change(person, consent) is not None
            redeeming = pool.submit(redeem, http, web, coded(web, client, person, consent))
            await_lock_wait(redeeming)
            released = release_claims(
                work, keys=world.keys, rulebook=world.rulebook, traveller=person, client=client, releases=[ASKED],
                wanted=None, at=world.at, entropy=world.entropy,
            )  # fmt: skip
        token = id_token(redeeming.result(timeout=60))
    assert isinstance(released, ReleasedClaims)
    assert token["name"] == released.values["name"]
    assert [use.kind for use in partners.journal(person)].count("partner:claims:released") == 2

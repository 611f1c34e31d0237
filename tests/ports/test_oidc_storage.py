"""One suite over the authorization server's fake memory and its PostgreSQL store, and the races only a database
decides.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from broker.core.authorization import (
    AuthorizationCode,
    AuthorizationRequest,
    Grant,
    LoginAttempt,
    LoginSession,
    PendingRequest,
    RefreshToken,
)
from broker.core.client import Authentication, Client, ClientStatus, Encryption, Profile
from broker.core.ending import GrantsOf, SessionsOf
from broker.oidc.ports import OidcUnit, OpenUnit
from broker.stores.base import metadata
from broker.stores.client_store import SqlClientRegistry
from broker.stores.database import Database
from broker.stores.oidc_store import OidcStorage
from tests.support.oidc_memory import OidcMemory
from tests.support.oidc_world import oidc_world
from tests.support.wallet_client import WalletClient, WalletError

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)


def _hash(name: str) -> bytes:
    return sha256(name.encode()).digest()


@pytest.fixture(params=["fake", "postgres"])
def open_unit(request: pytest.FixtureRequest) -> OpenUnit:
    if request.param == "fake":
        return OidcMemory().unit
    database: Database = request.getfixturevalue("database")
    return OidcStorage(database).unit


def _do(open_unit: OpenUnit, action: Callable[[OidcUnit], T]) -> T:
    with open_unit() as unit:
        return action(unit)


def _request() -> AuthorizationRequest:
    return AuthorizationRequest(
        client_id="tongguan-wallet",
        redirect_uri="http://wallet.test/callback",
        scopes=frozenset({"openid", "wallet"}),
        code_challenge="c" * 43,
        state="s",
        nonce=None,
        prompt=frozenset({"login"}),
        max_age=60,
        ui_locales=("pt", "en"),
        dpop_jkt=None,
    )


def _code(name: str = "code", traveller: UUID | None = None) -> AuthorizationCode:
    return AuthorizationCode(
        code_hash=_hash(name),
        grant_id=uuid4(),
        client_id="tongguan-wallet",
        redirect_uri="http://wallet.test/callback",
        code_challenge="c" * 43,
        scopes=frozenset({"openid"}),
        nonce="n",
        dpop_jkt="j",
        traveller_id=traveller or uuid4(),
        provider="ctid",
        acr="a",
        auth_time=NOW,
        expires_at=SOON,
    )


def _grant(traveller: UUID | None = None, *, expires_at: datetime = SOON) -> Grant:
    return Grant(
        grant_id=uuid4(),
        client_id="tongguan-wallet",
        traveller_id=traveller or uuid4(),
        subject="sub",
        provider="ctid",
        acr="a",
        auth_time=NOW,
        scopes=frozenset({"openid", "wallet"}),
        jkt="j",
        created_at=NOW,
        expires_at=expires_at,
    )


def _session(traveller: UUID | None = None, name: str = "session") -> LoginSession:
    return LoginSession(_hash(name), traveller or uuid4(), "ctid", "a", NOW, NOW, SOON)


def test_pending_requests_are_taken_once(open_unit: OpenUnit) -> None:
    pending = PendingRequest(_hash("p"), _request(), NOW, SOON)
    _do(open_unit, lambda unit: unit.add_pending(pending))
    assert _do(open_unit, lambda unit: unit.take_pending(_hash("p"), NOW)) == pending
    assert _do(open_unit, lambda unit: unit.take_pending(_hash("p"), NOW)) is None
    assert _do(open_unit, lambda unit: unit.take_pending(_hash("q"), NOW)) is None


def test_a_pending_request_remembers_when_it_was_opened(open_unit: OpenUnit) -> None:
    opened = PendingRequest(_hash("o"), _request(), NOW, SOON, asked_at=NOW)
    _do(open_unit, lambda unit: unit.add_pending(opened))
    assert _do(open_unit, lambda unit: unit.pending(_hash("o"), NOW)) == opened
    pushed = PendingRequest(_hash("p"), _request(), NOW, SOON)
    _do(open_unit, lambda unit: unit.add_pending(pushed))
    later = SOON + timedelta(minutes=1)
    _do(open_unit, lambda unit: unit.keep_pending(_hash("p"), later, asked_at=SOON))
    assert _do(open_unit, lambda unit: unit.take_pending(_hash("p"), SOON)) == replace(
        pushed, expires_at=later, asked_at=SOON
    )


def test_expired_things_are_not_handed_out(open_unit: OpenUnit) -> None:
    def fill(unit: OidcUnit) -> None:
        unit.add_pending(PendingRequest(_hash("p"), _request(), NOW, SOON))
        unit.add_login_attempt(LoginAttempt(_hash("l"), "ctid", "en", b"sealed", SOON))
        unit.add_session(_session())

    _do(open_unit, fill)
    assert _do(open_unit, lambda unit: unit.take_pending(_hash("p"), SOON)) is None
    assert _do(open_unit, lambda unit: unit.take_login_attempt(_hash("l"), SOON)) is None
    assert _do(open_unit, lambda unit: unit.session(_hash("session"), SOON)) is None


def test_login_attempts_are_taken_once(open_unit: OpenUnit) -> None:
    attempt = LoginAttempt(_hash("l"), "macau", "pt", b"sealed", SOON)
    _do(open_unit, lambda unit: unit.add_login_attempt(attempt))
    assert _do(open_unit, lambda unit: unit.take_login_attempt(_hash("l"), NOW)) == attempt
    assert _do(open_unit, lambda unit: unit.take_login_attempt(_hash("l"), NOW)) is None


def test_sessions(open_unit: OpenUnit) -> None:
    session = _session()
    _do(open_unit, lambda unit: unit.add_session(session))
    assert _do(open_unit, lambda unit: unit.session(_hash("session"), NOW)) == session
    drop = SessionsOf(session_hash=_hash("session"))
    assert _do(open_unit, lambda unit: unit.drop_sessions(drop)) == []  # no client knows it
    assert _do(open_unit, lambda unit: unit.drop_sessions(drop)) == []
    assert _do(open_unit, lambda unit: unit.session(_hash("session"), NOW)) is None


def test_codes_are_spent_once_and_remembered(open_unit: OpenUnit) -> None:
    code = _code()
    _do(open_unit, lambda unit: unit.add_code(code))
    assert _do(open_unit, lambda unit: unit.spend_code(code.code_hash, NOW)) == (code, True)
    assert _do(open_unit, lambda unit: unit.spend_code(code.code_hash, NOW)) == (code, False)
    assert _do(open_unit, lambda unit: unit.spend_code(_hash("unknown"), NOW)) is None


def test_grants_and_revocation(open_unit: OpenUnit) -> None:
    grant = _grant()
    _do(open_unit, lambda unit: unit.add_grant(grant))
    assert _do(open_unit, lambda unit: unit.grant(grant.grant_id)) == grant
    this = GrantsOf(grants=[grant.grant_id])
    assert [one.grant_id for one in _do(open_unit, lambda unit: unit.end_grants(this, NOW))] == [grant.grant_id]
    assert _do(open_unit, lambda unit: unit.end_grants(this, SOON)) == []
    found = _do(open_unit, lambda unit: unit.grant(grant.grant_id))
    assert found is not None
    assert found.revoked_at == NOW
    assert _do(open_unit, lambda unit: unit.end_grants(GrantsOf(grants=[uuid4()]), NOW)) == []
    assert _do(open_unit, lambda unit: unit.grant(uuid4())) is None


def test_all_sessions_of_one_person_end_together(open_unit: OpenUnit) -> None:
    person, other = uuid4(), uuid4()
    with open_unit() as unit:
        for name, traveller in (("one", person), ("two", person), ("three", other)):
            unit.add_session(_session(traveller, name))
    _do(open_unit, lambda unit: unit.drop_sessions(SessionsOf(traveller=person)))
    with open_unit() as unit:
        left = [unit.session(_hash(name), NOW) is not None for name in ("one", "two", "three")]
    assert left == [False, False, True]


def test_refresh_tokens_are_spent_once(open_unit: OpenUnit) -> None:
    grant = _grant()
    token = RefreshToken(_hash("t"), grant.grant_id, SOON)
    _do(open_unit, lambda unit: unit.add_grant(grant))
    _do(open_unit, lambda unit: unit.add_refresh_token(token))
    assert _do(open_unit, lambda unit: unit.refresh_token(_hash("t"))) == token
    assert _do(open_unit, lambda unit: unit.spend_refresh_token(_hash("t"), NOW)) is True
    assert _do(open_unit, lambda unit: unit.spend_refresh_token(_hash("t"), SOON)) is False
    spent = _do(open_unit, lambda unit: unit.refresh_token(_hash("t")))
    assert spent is not None
    assert spent.spent_at == NOW


def test_proofs_and_subjects(open_unit: OpenUnit) -> None:
    assert _do(open_unit, lambda unit: unit.remember_proof(_hash("x"), SOON)) is True
    assert _do(open_unit, lambda unit: unit.remember_proof(_hash("x"), SOON)) is False
    person = uuid4()
    assert _do(open_unit, lambda unit: unit.pairwise_subject(person, "wallet", "first")) == "first"
    assert _do(open_unit, lambda unit: unit.pairwise_subject(person, "wallet", "second")) == "first"
    assert _do(open_unit, lambda unit: unit.pairwise_subject(person, "agency", "third")) == "third"
    assert _do(open_unit, lambda unit: unit.has_pseudonym(person, "agency", "third"))
    assert not _do(open_unit, lambda unit: unit.has_pseudonym(person, "wallet", "third"))
    assert not _do(open_unit, lambda unit: unit.has_pseudonym(uuid4(), "agency", "third"))


def test_an_exception_undoes_everything(open_unit: OpenUnit) -> None:
    class Failure(Exception):
        pass

    with pytest.raises(Failure), open_unit() as unit:
        unit.add_session(_session())
        raise Failure
    assert _do(open_unit, lambda unit: unit.session(_hash("session"), NOW)) is None


def test_forgetting_a_person_forgets_only_them(open_unit: OpenUnit) -> None:
    gone, stays = uuid4(), uuid4()
    grants = {person: _grant(person) for person in (gone, stays)}

    def fill(unit: OidcUnit) -> None:
        for person, grant in grants.items():
            unit.add_session(_session(person, str(person)))
            unit.add_code(_code(str(person), person))
            unit.add_grant(grant)
            unit.add_refresh_token(RefreshToken(_hash(f"t{person}"), grant.grant_id, SOON))
            unit.pairwise_subject(person, "wallet", f"sub of {person}")

    _do(open_unit, fill)
    _do(open_unit, lambda unit: unit.forget_traveller(gone))
    assert _do(open_unit, lambda unit: unit.session(_hash(str(gone)), NOW)) is None
    assert _do(open_unit, lambda unit: unit.spend_code(_hash(str(gone)), NOW)) is None
    assert _do(open_unit, lambda unit: unit.grant(grants[gone].grant_id)) is None
    assert _do(open_unit, lambda unit: unit.refresh_token(_hash(f"t{gone}"))) is None
    assert _do(open_unit, lambda unit: unit.pairwise_subject(gone, "wallet", "another")) == "another"
    assert _do(open_unit, lambda unit: unit.session(_hash(str(stays)), NOW)) is not None
    assert _do(open_unit, lambda unit: unit.grant(grants[stays].grant_id)) is not None


def test_sweeping_keeps_what_reuse_detection_needs(open_unit: OpenUnit) -> None:
    code, grant = _code(), _grant()

    def fill(unit: OidcUnit) -> None:
        unit.add_pending(PendingRequest(_hash("p"), _request(), NOW, SOON))
        unit.add_login_attempt(LoginAttempt(_hash("l"), "ctid", "en", b"sealed", SOON))
        unit.add_session(_session())
        unit.remember_proof(_hash("x"), SOON)
        unit.add_code(code)
        unit.add_grant(grant)

    _do(open_unit, fill)
    assert _do(open_unit, lambda unit: unit.sweep(NOW)) == 0
    assert _do(open_unit, lambda unit: unit.sweep(SOON)) == 4
    assert _do(open_unit, lambda unit: unit.spend_code(code.code_hash, NOW)) is not None
    assert _do(open_unit, lambda unit: unit.grant(grant.grant_id)) is not None
    assert _do(open_unit, lambda unit: unit.sweep(SOON + timedelta(days=1))) == 1
    assert _do(open_unit, lambda unit: unit.spend_code(code.code_hash, NOW)) is None


def test_what_became_of_a_grant_is_known_for_thirty_days(open_unit: OpenUnit) -> None:
    """A notice of its end is tried again for days, and whoever gets it asks."""
    ran_out, revoked = _grant(), replace(_grant(), expires_at=NOW + timedelta(days=90))

    def fill(unit: OidcUnit) -> None:
        unit.add_grant(ran_out)
        unit.add_grant(revoked)
        unit.end_grants(GrantsOf(grants=[revoked.grant_id]), NOW)

    _do(open_unit, fill)
    assert _do(open_unit, lambda unit: unit.sweep(NOW + timedelta(days=29))) == 0
    assert _do(open_unit, lambda unit: unit.sweep(SOON + timedelta(days=30))) >= 2
    for grant in (ran_out, revoked):
        assert _do(open_unit, lambda unit, grant=grant: unit.grant(grant.grant_id)) is None


RACERS = 16


def _race(database: Database, action: Callable[[OidcUnit], T]) -> list[T]:
    storage = OidcStorage(database)
    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(lambda _: _do(storage.unit, action), range(RACERS)))


def test_of_many_takers_one_wins(database: Database) -> None:
    storage, code, grant = OidcStorage(database), _code(), _grant()

    def fill(unit: OidcUnit) -> None:
        unit.add_pending(PendingRequest(_hash("p"), _request(), NOW, SOON))
        unit.add_login_attempt(LoginAttempt(_hash("l"), "ctid", "en", b"sealed", SOON))
        unit.add_code(code)
        unit.add_grant(grant)
        unit.add_refresh_token(RefreshToken(_hash("t"), grant.grant_id, SOON))

    _do(storage.unit, fill)
    taken = _race(database, lambda unit: unit.take_pending(_hash("p"), NOW))
    assert sum(found is not None for found in taken) == 1
    attempts = _race(database, lambda unit: unit.take_login_attempt(_hash("l"), NOW))
    assert sum(found is not None for found in attempts) == 1
    spent = _race(database, lambda unit: unit.spend_code(code.code_hash, NOW))
    assert sum(found is not None and found[1] for found in spent) == 1
    assert _race(database, lambda unit: unit.spend_refresh_token(_hash("t"), NOW)).count(True) == 1
    assert _race(database, lambda unit: unit.remember_proof(_hash("x"), SOON)).count(True) == 1
    person = uuid4()
    subjects = _race(database, lambda unit: unit.pairwise_subject(person, "wallet", uuid4().hex))
    assert len(set(subjects)) == 1


def test_a_code_raced_to_the_token_endpoint_founds_one_grant_and_then_none(database: Database, tmp_path: Path) -> None:
    """Two redeemers of one code at once: at most one gets tokens, and those tokens are revoked by the
    other's attempt.
    """
    with oidc_world(OidcStorage(database), tmp_path) as world:
        wallet = world.wallet()
        verifier = "v" * 43
        code = wallet.authorize(verifier, "ctid", "ctid-wang")["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": wallet.redirect_uri,
            "code_verifier": verifier,
        }
        wallet.nonce = world.server.nonces.current(world.clock())

        def attempt(_: int) -> str | None:
            try:
                return str(wallet.token(**form)["access_token"])
            except WalletError as error:
                assert error.body["error"] == "invalid_grant"
                return None

        with ThreadPoolExecutor(4) as pool:
            tokens = [token for token in pool.map(attempt, range(4)) if token]
        assert len(tokens) == 1
        wallet.access_token, wallet.refresh_token = tokens[0], None
        with pytest.raises(WalletError) as refused:
            wallet.me()
        assert refused.value.status == 401


def _cookies(wallet: WalletClient) -> list[str | None]:
    return [cookie.value for cookie in wallet.browser.cookies.jar if cookie.name.startswith("tongguan")]


def test_nothing_secret_reaches_the_database(database: Database, tmp_path: Path) -> None:
    with oidc_world(OidcStorage(database), tmp_path) as world:
        wallet = world.logged_in("iamsmart", "iamsmart-wong")
        with database.unit_of_work() as uow:
            tables = [table for name, table in metadata.tables.items() if name.startswith("oidc_")]
            dump = "".join(str(uow.session.execute(select(table)).all()) for table in tables)
        secrets = [wallet.access_token, wallet.refresh_token, *_cookies(wallet)]
        assert (len(tables), len(dump) > 500) == (12, True)
        for secret in secrets:
            assert secret
            assert secret not in dump


def test_the_sessions_behind_a_clients_grants(database: Database) -> None:
    traveller, ours, theirs, ended = uuid4(), uuid4(), uuid4(), uuid4()
    with OidcStorage(database).unit() as unit:
        subject = unit.pairwise_subject(traveller, "sector", f"subject-{traveller}")
        for session_id in (ours, ours, None):
            unit.add_grant(replace(_grant(traveller), client_id="c", session_id=session_id))
        unit.add_grant(replace(_grant(traveller), client_id="another", session_id=theirs))
        unit.add_grant(replace(_grant(), client_id="c", session_id=theirs))
        unit.add_grant(replace(_grant(traveller), client_id="c", session_id=ended, revoked_at=NOW))
        assert unit.sessions_behind("c", subject) == [ours]
        assert unit.sessions_behind("c", "nobody") == []


def test_a_session_that_ends_leaves_notices_for_its_clients(database: Database) -> None:
    """Back-Channel Logout 2.5 over PostgreSQL: once for each client that wants to know, and until it is settled."""
    client = Client(
        "told", Profile.FAPI2, frozenset(), frozenset({"openid"}), "s", "p",
        auth=Authentication.PRIVATE_KEY_JWT, jwks={"keys": []}, backchannel_logout_uri="https://told.example/",
    )  # fmt: skip
    storage, session_id = OidcStorage(database), uuid4()
    with database.unit_of_work() as uow:
        registry = SqlClientRegistry(uow.session)
        registry.add(client)
        registry.add(replace(client, client_id="untold", backchannel_logout_uri=None))
        with pytest.raises(ValueError, match="taken"):
            registry.add(client)
    with storage.unit() as unit:
        unit.add_session(replace(_session(name="ending"), session_id=session_id))
        for client_id in ("told", "untold", "told", "unknown"):
            unit.note_login(session_id, client_id, f"subject-{client_id}")
        unit.note_logouts(unit.drop_sessions(SessionsOf(session_hash=_hash("ending"))))
    with storage.unit() as unit:
        (notice,) = unit.claim_notices(NOW, 10)
        assert unit.claim_notices(NOW + timedelta(seconds=14), 10) == []
        assert (notice.client_id, notice.subject, notice.attempts) == ("told", "subject-told", 1)
        (again,) = unit.claim_notices(NOW + timedelta(seconds=15), 10)
        assert unit.claim_notices(NOW + timedelta(seconds=74), 10) == []
        unit.settle_notice(again.notice_id)
        assert unit.claim_notices(NOW + timedelta(days=1), 10) == []


def test_clients_are_stored_whole_and_change_by_version(database: Database) -> None:
    client = Client(
        "c", Profile.OIDC_BASIC, frozenset({"https://c.example/cb"}), frozenset({"openid"}), "sector", "partner",
        names={"en": "C"}, post_logout_redirect_uris=frozenset({"https://c.example/bye"}),
        auth=Authentication.CLIENT_SECRET_BASIC, secret_hash=b"\x01" * 32, jwks={"keys": [{"kty": "EC"}]},
        purposes=frozenset({"sign-in"}), claims=frozenset({"name"}), userinfo_signed_alg="ES256",
        userinfo_encryption=Encryption("ECDH-ES", "A256GCM"), backchannel_logout_uri="https://c.example/out",
    )  # fmt: skip
    storage = OidcStorage(database)
    with database.unit_of_work() as uow:
        SqlClientRegistry(uow.session).add(client)
    assert storage.find_client("c") == replace(client, version=1)
    with database.unit_of_work() as uow:
        SqlClientRegistry(uow.session).change(replace(client, status=ClientStatus.SUSPENDED))
        with pytest.raises(KeyError):
            SqlClientRegistry(uow.session).change(replace(client, client_id="nobody"))
    assert storage.find_client("c") == replace(client, status=ClientStatus.SUSPENDED, version=2)
    assert storage.admit((), client_id="c").client_version == 2


def test_admitting_uses_marks_up_once_however_many_come(database: Database) -> None:
    storage = OidcStorage(database)
    shared = (_hash("shared"), SOON)

    def come(number: int) -> bool:
        return storage.admit((shared, (_hash(f"own-{number}"), SOON))).fresh

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(come, range(40))) == 1
    replay = storage.admit((shared, (_hash("another"), SOON)))
    assert replay.replayed == {_hash("shared")}

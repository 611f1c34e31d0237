"""Composition: the one module that knows every floor. `create_app` takes finished ports; `compose` makes the real
ones.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

import anyio.to_thread
import httpx
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

import connectors
from broker.core.authorization import Admission, AdmissionQuestion, digest
from broker.core.linking import LinkOutcome
from broker.desk import Desk
from broker.errands import Errands
from broker.flows.finish_approval import Sealing, settle_approval
from broker.flows.issue_consent_grant import Granting
from broker.flows.link_identity import link_identity
from broker.flows.ports import Work
from broker.flows.release_claims import Answer, ClaimOrder, release_together
from broker.flows.take_notice import take_notice
from broker.flows.upstream_tokens import usable_tokens
from broker.law import rulebook_of
from broker.login_desk import LoginDesk
from broker.oidc import routes as authorization_routes
from broker.oidc.client import Clients, wallet_client
from broker.oidc.client_keys import ClientKeys
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer, Errand
from broker.outbound import json_fetcher, reach_of, trust
from broker.settings import Settings
from broker.stores.admissions import admit_together
from broker.stores.database import Database
from broker.stores.face_worker import FaceWorker
from broker.stores.key_store import FileKeyStore
from broker.stores.oidc_store import OidcStorage
from broker.stores.oidc_store import OidcUnit as StoredUnit
from broker.stores.partner_http import PartnerHttp
from broker.stores.signing_keys import SigningKeys
from broker.stores.work import Works
from broker.together import Together
from broker.token_keys import token_keys
from broker.trusted_keys import trusted_keys
from broker.web import (
    agencies,
    agencies_requests,
    approvals,
    authorization_consent,
    consent_page,
    console,
    console_journal,
    console_samples,
    developers,
    error_handlers,
    gates,
    identities,
    journal,
    lookup,
    papers,
    precheck,
    providers,
    rights,
    site,
    staff,
    staff_changes,
    wallet,
    wallet_consents,
    wallet_identities,
)
from broker.web.bodies import Bodies
from broker.web.headers import SecurityHeaders, WalletOrigin
from broker.web.request_log import RequestLog
from broker.web.services import Services
from broker.web.throttle import Throttle
from broker.web.trusted_proxies import TrustedProxies
from broker.wire.approval_connector import ProviderNotice
from broker.wire.identity_grant import IdentityGrant
from broker.wire.registry import KeyUse
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.transport import provider_client

# Connections beyond the worker threads: commits run while the thread that did the work already serves another request.
_SPARE_CONNECTIONS = 8
_ASIDE = 4  # threads for releases that wait for somebody's lock

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Closing(Protocol):
    """What a worker process must give back when it ends."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Ports:
    """Everything the application talks to."""

    services: Services
    authorization: AuthorizationServer
    closing: tuple[Closing, ...] = ()


def create_app(settings: Settings, ports: Ports) -> FastAPI:
    """The broker as one ASGI application."""
    app = FastAPI(
        title="Tongguan", openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(settings, ports)
    )
    app.state.services = ports.services
    app.mount("/static", StaticFiles(directory=str(files("broker.web") / "static")), name="static")
    for module in (site, consent_page, authorization_consent, approvals, developers, wallet, gates, journal, staff):
        app.include_router(module.router)
    for module in (wallet_consents, agencies, agencies_requests, identities, wallet_identities, providers, rights):
        app.include_router(module.router)
    authorization_routes.install(app, ports.authorization)
    for module in (lookup, precheck, papers, staff_changes, console, console_journal, console_samples):
        app.include_router(module.router)
    # Innermost first: a refused body still gets its nonce, its headers, its CORS and its line in the log.
    app.add_middleware(
        Bodies,
        rules={
            **wallet.RULES,
            **gates.RULES,
            **agencies.RULES,
            **agencies_requests.RULES,
            **precheck.RULES,
            **providers.rules(settings.providers),
        },
    )
    app.add_middleware(Throttle, per_minute=settings.logins_per_minute)
    authorization_routes.offer_nonces(app, ports.authorization)
    error_handlers.install(app)
    app.add_middleware(SecurityHeaders, secure=settings.secure)
    app.add_middleware(RequestLog, new_id=lambda: token_hex(8))
    app.add_middleware(WalletOrigin, origins=settings.wallet.origins)
    app.add_middleware(TrustedProxies, networks=settings.trusted_proxies)
    return app


def compose(settings: Settings, database_url: str) -> Ports:
    """The real ports of one worker process. Connects to nothing yet. Raises SecretFileError."""
    database = Database(database_url, pool_size=settings.threads + _SPARE_CONNECTIONS)
    works = Works(database)
    keys = FileKeyStore.open(settings.home / "keystore")
    signing = SigningKeys.load(settings.home / "keys")
    link_secret = signing.secret("identity-link")
    examiner = FaceWorker(_face_command(settings))
    http = provider_client(trust(settings.trusted_ca))
    connected = _providers(settings, http)

    def clock() -> datetime:
        return datetime.now(UTC)

    def work_of(unit: OidcUnit) -> Work:
        if not isinstance(unit, StoredUnit):
            raise TypeError("this unit has no database behind it")
        return works.on(unit.uow)

    def link(unit: OidcUnit, grant: IdentityGrant, at: datetime, *, onto: UUID | None, browser: bytes) -> LinkOutcome:
        return link_identity(
            work_of(unit),
            keys=keys,
            link_secret=link_secret,
            grant=grant,
            at=at,
            entropy=os.urandom,
            onto=onto,
            browser=browser,
        )

    rulebook = rulebook_of(settings, works.begin, clock)
    storage = OidcStorage(database)

    granting = Granting(signing.signer(KeyUse.RECEIPT), settings.issuer)
    desk = Desk(work_of, keys, rulebook, os.urandom, granting)

    def admit_all(asked: Sequence[AdmissionQuestion]) -> Sequence[Admission]:
        return admit_together(database.engine, asked)

    aside = ThreadPoolExecutor(_ASIDE, thread_name_prefix="aside")

    def release_all(orders: Sequence[ClaimOrder]) -> Sequence[Answer | Exception | Future[Answer]]:
        return release_together(
            works.begin,
            orders,
            keys=keys,
            rulebook=rulebook,
            clock=clock,
            entropy=os.urandom,
            granting=granting,
            aside=aside.submit,
        )

    errands: Together[Errand[Any], Any] = Together(Errands(admit_all, release_all).run, name="errands")
    calls = PartnerHttp(trust(settings.trusted_ca), reach_of(settings))

    def upstream(traveller: UUID, provider: str) -> UpstreamTokens | None:
        watched = connected.get(provider)
        renewing: Any = watched.connector if watched and hasattr(watched.connector, "refresh") else None
        return usable_tokens(
            works.begin,
            keys=keys,
            provider=provider,
            connector=renewing,
            traveller=traveller,
            at=clock(),
            entropy=os.urandom,
        )

    sealing = Sealing(keys, rulebook, signing.signer(KeyUse.ANSWER), settings.issuer, granting)

    def settle(work: Work, provider: str, told: ProviderNotice, at: datetime) -> None:
        asked = work.approvals.by_state(digest(told.state)) if told.state is not None else None
        if asked is not None:
            settle_approval(work, asked, told.outcome, sealing=sealing, at=at, entropy=os.urandom)

    def notice(work: Work, provider: str, told: ProviderNotice, at: datetime) -> bool:
        return take_notice(
            work,
            keys=keys,
            link_secret=link_secret,
            provider=provider,
            notice=told,
            approvals=settle,
            at=at,
            entropy=os.urandom,
        )

    services = Services(
        begin=works.begin,
        keys=keys,
        rulebook=rulebook,
        examiner=examiner,
        pass_signer=signing.signer(KeyUse.PASS),
        status_signer=signing.signer(KeyUse.STATUS),
        receipt_signer=signing.signer(KeyUse.RECEIPT),
        answer_signer=signing.signer(KeyUse.ANSWER),
        root_key=signing.signer(KeyUse.ROOT).public,
        pass_keys=trusted_keys(signing, uses=(KeyUse.PASS,)),
        ready=lambda: _answers(database),
        clock=clock,
        entropy=os.urandom,
        issuer=settings.issuer,
        language=settings.language,
        wallet_origins=settings.wallet.origins,
        return_uris=settings.wallet.return_uris,
        statement_keys=signing.publics(KeyUse.ANSWER) + signing.publics(KeyUse.RECEIPT),
        sandbox=settings.sandbox,
        checkpoint_keys=signing.publics(KeyUse.CHECKPOINT),
        upstream=upstream,
        take_notice=notice,
        provider_health=lambda: {name: _health(watched) for name, watched in connected.items()},
    )
    authorization = AuthorizationServer(
        issuer=settings.issuer,
        clients=Clients(
            {settings.wallet.client_id: wallet_client(settings.wallet.client_id, settings.wallet.redirect_uris)},
            storage.find_client,
            sandbox=settings.sandbox,
        ),
        token_keys=token_keys(signing, clock),
        secret_key=signing.secret("authorization-server"),
        open_unit=storage.unit,
        admit=storage.admit,
        client_keys=ClientKeys(json_fetcher(calls, plain=settings.sandbox)),
        consents=desk,
        logins=LoginDesk(work_of, os.urandom),
        release_claims=desk.release,
        run_errand=errands.ask,
        check_release=rulebook.partner.check,
        link_identity=link,
        connectors={name: watched.connector for name, watched in connected.items()},
        clock=clock,
        entropy=os.urandom,
        language=settings.language,
        pushes_per_minute=settings.logins_per_minute,
    )
    return Ports(
        services, authorization, closing=(errands, SimpleNamespace(close=aside.shutdown), examiner, http, database)
    )


def application() -> FastAPI:
    """The factory a worker process starts from; the supervising process sets these variables."""
    settings = Settings.load(Path(os.environ["TONGGUAN_HOME"]))
    if settings.database_url is None:
        raise RuntimeError("a worker process is told its database; start the broker with `tongguan broker run`")
    return create_app(settings, compose(settings, settings.database_url.get_secret_value()))


def _lifespan(settings: Settings, ports: Ports) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        yield
        for port in ports.closing:
            port.close()

    return lifespan


def _providers(settings: Settings, http: httpx.Client) -> dict[str, connectors.Watched]:
    return {
        name: connectors.build_watched(name, provider.kind, provider.options, http=http, home=settings.home)
        for name, provider in settings.providers.items()
    }


def _health(watched: connectors.Watched) -> dict[str, Any]:
    health = watched.health()
    return {
        "circuit": str(health.circuit),
        "busy": health.busy,
        "places": health.places,
        "clock_offset_seconds": health.offset.total_seconds(),
    }


def _face_command(settings: Settings) -> list[str]:
    """How to start the face engine, which runs apart because it decodes hostile images."""
    models = ["--models", str(settings.models)] if settings.models else []
    clean = ["--licence-clean"] if settings.licence_clean else []
    return [sys.executable, "-m", "gate_client.inference.worker", *models, *clean]


def _answers(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.session.connection().exec_driver_sql("SELECT 1")

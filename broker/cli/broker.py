"""`tongguan broker`: create a home, and run the broker from it."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from broker.cli import keys
from broker.cli.database import database_url, failures
from broker.cli.logs import configure_logs
from broker.settings import CONFIG_FILE, Settings
from broker.stores.database import Database
from broker.stores.key_store import FileKeyStore
from broker.stores.migrate import migrate
from broker.stores.signing_keys import SigningKeys

app = typer.Typer(no_args_is_help=True)
app.add_typer(keys.app, name="keys")

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]

_BACKLOG = 2048
_CONFIGURATION = """\
# Tongguan broker. Environment variables TONGGUAN_<NAME> (nested: TONGGUAN_WALLET__CLIENT_ID) override this file.

# The broker's public address: OIDC issuer and origin of the consent pages.
issuer = "{issuer}"
language = "zh-Hant"

# Another PostgreSQL than the embedded one: better set TONGGUAN_DATABASE_URL than write a password here.
# database_url = "postgresql://..."

# The face models: where they are (default: the user's cache), and whether only those whose licence and origin are
# documented may be used. Gates compare with the same models: they run with --licence-clean exactly when this is true.
# models = "/var/lib/tongguan/models"
# licence_clean = true

# A certificate authority (PEM) to believe beside the system's, for identity providers under a local one.
# trusted_ca = "/etc/tongguan/ca.pem"

# What was assessed and filed for releases across borders, as in core/data/transfers.toml. Without it nothing was, and
# sensitive data do not leave the Mainland.
# transfers = "transfers.toml"

# Where alarms are posted when a counter nears a threshold: counts as JSON, never a person.
# alarm_webhook = "https://operations.example/alarms"

[wallet]
origins = ["{wallet}"]
redirect_uris = ["{wallet}/callback"]
return_uris = ["{wallet}/consents"]

# One section per identity provider; `kind` says its dialect where the name does not: ctid, iamsmart, macau, oidc. Each
# has its own settings (specs/ctid.md, iamsmart.md, macau.md, other-providers.md). Register there
# "{issuer}/login/<name>/callback", "{issuer}/approvals/<name>/callback" and, for its notices,
# "{issuer}/providers/<name>/callback".
# [providers.iamsmart]
# issuer = "https://idp.example"
# client_id = "tongguan"
# client_secret = "..."
# private_key = "iamsmart/service-key.pem"
# signing_anchors = "iamsmart/signing-authority.pem"
"""


@app.command()
def init(
    home: Home,
    issuer: Annotated[str, typer.Option(help="The broker's public address.")] = "http://127.0.0.1:8400",
    wallet: Annotated[str, typer.Option(help="The wallet's public address.")] = "http://127.0.0.1:8401",
) -> None:
    """Create the home: private directories, signing keys, key store and a configuration. What exists stays."""
    with failures():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        SigningKeys.generate(home / "keys").secret("identity-link")
        FileKeyStore.open(home / "keystore")
        path = home / CONFIG_FILE
        if not path.exists():
            # It will hold client secrets.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(_CONFIGURATION.format(issuer=issuer.rstrip("/"), wallet=wallet.rstrip("/")))
        if Settings.load(home).sandbox:
            _make_rsa(home)
        print(f"The broker's home is {home}; its configuration is {path}.")


def _make_rsa(home: Path) -> None:
    """Clients of the profile oidc_basic may ask for RS256. Making the two keys takes about a second, once."""
    SigningKeys(home / "keys").generate_rsa()


@app.command()
def run(
    home: Home,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8400,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    cert: Annotated[Path | None, typer.Option(exists=True, help="TLS certificate chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(exists=True, help="TLS private key, PEM.")] = None,
) -> None:
    """Start the database unless TONGGUAN_DATABASE_URL names one, migrate it, and serve until SIGTERM."""
    if (cert is None) != (key is None):
        raise typer.BadParameter("--cert and --key come together")
    configure_logs()
    # An orderly end from the first moment on: the exception leaves every `with` below in order.
    signal.signal(signal.SIGTERM, _leave)
    with failures(), _listen(host, port) as listener, database_url(home) as url:
        settings = Settings.load(home, database_url=url)
        if settings.sandbox:
            _make_rsa(home)
        migrate(url)
        with _background(settings, url):
            scheme = "https" if cert else "http"
            plural = "" if workers == 1 else "s"
            bound = listener.getsockname()[1]
            print(f"Tongguan broker on {scheme}://{host}:{bound} ({workers} worker{plural})", flush=True)
            _serve(settings, url, listener, workers=workers, cert=cert, key=key)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Bound before anything else starts, so that a port in use is the first thing an operator hears of."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    with listener:
        listener.set_inheritable(True)
        yield listener


@contextmanager
def _background(settings: Settings, url: str) -> Iterator[None]:
    """Sequencer and housekeeping, once per broker: the workers hold neither the root key nor the checkpoint key."""
    from broker.alarm_watch import watch_alarms, webhook
    from broker.delivery import Delivery
    from broker.flows.refresh_key_sets import refresh_key_sets
    from broker.housekeeping import Housekeeper, Task, tasks
    from broker.law import rulebook_of
    from broker.oidc.client import Clients
    from broker.oidc.logout.notices import Notifier, send_notices
    from broker.oidc.server import server_secret
    from broker.outbound import form_poster, reach_of, trust
    from broker.stores.oidc_store import OidcStorage
    from broker.stores.partner_http import PartnerHttp
    from broker.stores.sequencer import Sequencer, SequencerThread
    from broker.stores.webhook_sender import WebhookSender
    from broker.stores.work import Works
    from broker.token_keys import token_keys
    from broker.trusted_keys import trusted_keys
    from broker.wire.registry import KeyUse

    signing = SigningKeys.load(settings.home / "keys")
    database = Database(url, pool_size=8, application="tongguan-background")
    storage = OidcStorage(database)

    def clock() -> datetime:
        return datetime.now(UTC)

    def sweep(at: datetime) -> int:
        with storage.unit() as unit:
            return unit.sweep(at)

    keys = FileKeyStore.open(settings.home / "keystore")
    housekeeper = Housekeeper(
        tasks(
            Works(database).begin,
            keys=keys,
            root=signing.signer(KeyUse.ROOT),
            status_signer=signing.signer(KeyUse.STATUS),
            receipt_signer=signing.signer(KeyUse.RECEIPT),
            issuer=settings.issuer,
            trusted=lambda: trusted_keys(signing),
            sweep_logins=sweep,
            clock=clock,
            entropy=os.urandom,
        )
    )
    sequencer = SequencerThread(Sequencer(database, signing.signer(KeyUse.CHECKPOINT), clock))
    calls = PartnerHttp(trust(settings.trusted_ca), reach_of(settings))
    rulebook = rulebook_of(settings, Works(database).begin, clock)
    delivery = Delivery(
        Works(database).begin,
        keys=keys,
        rulebook=rulebook,
        sender=WebhookSender(calls),
        signer=signing.signer(KeyUse.ANSWER),
        issuer=settings.issuer,
        clock=clock,
        entropy=os.urandom,
    )
    token_ring = token_keys(signing, clock)
    notifier = Notifier(
        issuer=settings.issuer,
        clients=Clients({}, storage.find_client, sandbox=settings.sandbox),
        token_keys=token_ring,
        sid_key=server_secret(signing.secret("authorization-server"), "sid"),
        open_unit=storage.unit,
        post=form_poster(PartnerHttp(trust(settings.trusted_ca), reach_of(settings)), plain=settings.sandbox),
        clock=clock,
        entropy=os.urandom,
    )
    # A thread of its own: a client that answers slowly must not keep housekeeping waiting.
    notices = Housekeeper((Task("logout notices", 2, lambda: send_notices(notifier)),))
    stopping = threading.Event()

    def follow_keys() -> None:
        refresh_key_sets(Works(database).begin, fetch=calls.key_set, at=clock(), stop=stopping.is_set)

    # Another: hosts that do not answer must not keep notices waiting.
    key_sets = Housekeeper((Task("key sets", 600, follow_keys),))
    tell = None if settings.alarm_webhook is None else webhook(settings.alarm_webhook, calls.post)

    def watch() -> None:
        watch_alarms(Works(database).begin, rulebook=rulebook, tell=tell, clock=clock, entropy=os.urandom)

    alarms = Housekeeper((Task("alarms", 60, watch),))
    housekeeper.start()
    notices.start()
    alarms.start()
    sequencer.start()
    delivery.start()
    key_sets.start_behind()
    try:
        yield
    finally:
        stopping.set()
        key_sets.stop()
        delivery.stop()
        alarms.stop()
        notices.stop()
        housekeeper.stop()
        sequencer.stop()
        database.close()


def _serve(
    settings: Settings, url: str, listener: socket.socket, *, workers: int, cert: Path | None, key: Path | None
) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    # Worker processes are started afresh and read these; the parent's own settings came from the same places.
    os.environ["TONGGUAN_HOME"] = str(settings.home)
    os.environ["TONGGUAN_DATABASE_URL"] = url
    config = uvicorn.Config(
        "broker.cli.worker:application",
        factory=True,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        Multiprocess(config, sockets=[listener]).run()

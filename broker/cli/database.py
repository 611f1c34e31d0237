"""`tongguan database`: the embedded PostgreSQL and the schema of whichever database the broker uses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import ProgrammingError

from broker.flows.unavailable import DatabaseUnavailable
from broker.settings import CONFIG_FILE, Settings, SettingsError
from broker.stores.migrate import current_revisions, migrate
from broker.stores.postgres import EmbeddedPostgres, PostgresError
from broker.stores.postgres.supervisor import supervise
from broker.stores.secret_files import SecretFileError
from broker.wire.errors import WireError

app = typer.Typer(no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", envvar="TONGGUAN_HOME", help="The broker's home directory.")]


@app.command()
def start(home: Home) -> None:
    """Start the embedded database in the background; it runs until `stop`."""
    with failures():
        server = EmbeddedPostgres(home, keep=True)
        server.start()
        print(f"running, supervised by process {server.supervisor_pid}")
        server.stop()


@app.command()
def run(home: Home) -> None:
    """Run the embedded database in the foreground; SIGTERM or Ctrl-C stops it in order."""
    with failures():
        supervise(home, on_ready=lambda: print("running", flush=True))


@app.command()
def stop(home: Home) -> None:
    """Stop the embedded database, whoever uses it."""
    with failures():
        print("stopped" if EmbeddedPostgres(home).shut_down() else "was not running")


@app.command()
def status(home: Home) -> None:
    """Say whether the database answers and whether its schema is up to date; exit status 1 if not."""
    with failures():
        url = configured_url(home)
        if url is None:
            server = EmbeddedPostgres(home)
            if not server.is_running():
                print("the embedded database is not running")
                raise typer.Exit(1)
            print(f"the embedded database runs, supervised by process {server.supervisor_pid}")
            url = server.url
        present, known = current_revisions(url)
        print(
            f"schema: {', '.join(sorted(present)) or 'none'}"
            + ("" if present == known else " (run `tongguan database migrate`)")
        )
        if present != known:
            raise typer.Exit(1)


@app.command(name="migrate")
def migrate_command(home: Home) -> None:
    """Bring the schema up to date."""
    with failures(), database_url(home) as url:
        migrate(url)
        print(f"schema: {', '.join(sorted(current_revisions(url)[0]))}")


def configured_url(home: Path) -> str | None:
    """The URL of a server of the operator's own, or None for the embedded one. Raises SettingsError."""
    if (home / CONFIG_FILE).exists():
        secret = Settings.load(home).database_url
        return None if secret is None else secret.get_secret_value()
    return os.environ.get("TONGGUAN_DATABASE_URL") or None


@contextmanager
def database_url(home: Path) -> Iterator[str]:
    """The URL of the broker's database; the embedded one is started if it does not run, and left as it was found."""
    url = configured_url(home)
    if url is not None:
        yield url
    elif not (home / CONFIG_FILE).exists() and not (home / "postgres").exists():
        # Nothing is made in a directory that was only mistyped.
        raise SettingsError(f"{home / CONFIG_FILE} is missing: run `tongguan broker init --home {home}`")
    else:
        with EmbeddedPostgres(home) as server:
            yield server.url


@contextmanager
def failures() -> Iterator[None]:
    """What an operator can act on is one line, not a traceback."""
    try:
        yield
    except (
        PostgresError,
        DatabaseUnavailable,
        SettingsError,
        SecretFileError,
        WireError,
        OSError,
        ValueError,
    ) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    except (UndefinedTable, ProgrammingError) as error:
        if not isinstance(getattr(error, "orig", error), UndefinedTable):
            raise
        typer.echo("error: the database has no schema, or an old one: run `tongguan database migrate`", err=True)
        raise typer.Exit(1) from error

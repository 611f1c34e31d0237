"""Files that hold a secret: made exclusively, readable by their owner alone, refused otherwise."""

import os
import stat
import tempfile
from pathlib import Path


class SecretFileError(Exception):
    """A secret file is missing, exposed or damaged; the message names the file and the remedy, never its content."""


def create_secret(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Write `content` to a new 0600 file, durably, all of it or nothing.

    Raises FileExistsError when `path` exists, unless `replace`. Makes the folder, 0700, if it is missing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # 0600 from the start
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path)
        else:
            os.link(name, path)  # unlike a rename, fails when the name is taken
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(path.parent)


def read_secret(path: Path) -> bytes:
    """The content of a secret file. Raises SecretFileError when it is missing or others may read or change it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SecretFileError(f"{path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        require_private(path, os.fstat(file.fileno()))
        return file.read()


def require_private(path: Path, status: os.stat_result) -> None:
    """Raises SecretFileError unless it is a regular file of this user (or root) that grants nothing to anyone else."""
    if not stat.S_ISREG(status.st_mode):
        raise SecretFileError(f"{path} is not a regular file")
    if status.st_mode & 0o077:
        raise SecretFileError(f"{path} is open to others (mode {status.st_mode & 0o777:o}): chmod 600 it and rotate it")
    if status.st_uid not in (os.geteuid(), 0):
        raise SecretFileError(f"{path} belongs to user id {status.st_uid}, who can read and change it")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

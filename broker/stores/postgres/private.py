"""Files in the cluster's folder. Root works there too, in a folder that another account may write to: no name that this
account could have planted (a link to a file of root's) is followed, chowned or written through.
"""

import contextlib
import os
import stat
from pathlib import Path

from broker.stores.postgres.account import Account
from broker.stores.postgres.errors import PostgresError


def fresh_file(path: Path, account: Account) -> int:
    """A descriptor of a new, empty 0600 file of the account's, in place of whatever had the name."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    if account.is_other:
        os.fchown(descriptor, account.uid, account.gid)
    return descriptor


def lock_file(path: Path, account: Account) -> int:
    """A descriptor of the file, made if it is missing. Its content means nothing; it is there to be locked."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with contextlib.suppress(FileExistsError):  # another process makes it at the same time: open that one
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if account.is_other:
                os.fchown(descriptor, account.uid, account.gid)
            return descriptor


def private_folder(path: Path, account: Account) -> None:
    """Make the folder, or adopt it when root made it earlier; it is 0700 and the account's afterwards.

    Raises PostgresError when something else has the name.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise PostgresError(f"{path} is not a folder that can be used: {error.strerror}") from error
    try:
        owner = os.fstat(descriptor).st_uid
        if owner not in (account.uid, os.geteuid()):
            raise PostgresError(f"{path} belongs to user id {owner}")
        if owner != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)

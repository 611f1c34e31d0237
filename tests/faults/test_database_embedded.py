"""The embedded PostgreSQL under bad luck: killed processes, other users, long paths, neighbours."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from sqlalchemy.engine import make_url

import broker
from broker.stores.postgres import EmbeddedPostgres, PostgresError, binaries
from broker.stores.postgres.account import account_for
from broker.stores.postgres.layout import MAX_SOCKET_PATH, SOCKET_NAME, Layout

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run things as other users")
_PAUSE = threading.Event()
SETTINGS = {"shared_buffers": "16MB"}
# Runs in another process: attach, say so, and wait to be killed.
HOLD = """
import sys
from pathlib import Path
from broker.stores.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={"shared_buffers": "16MB"})
server.start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def bare() -> Iterator[Path]:
    """A short, private, empty folder; whatever server a test left there is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="tg-"))
    yield folder
    EmbeddedPostgres(folder).shut_down()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that was made once and is not running."""
    folder = tmp_path_factory.mktemp("made")
    with EmbeddedPostgres(folder, settings=SETTINGS):
        pass
    return folder


@pytest.fixture
def home(bare: Path, made: Path) -> Path:
    """A folder of one's own with a cluster in it: a copy, owners kept, which is quicker than initdb."""
    subprocess.run(["cp", "-a", Layout.of(made).base, bare], check=True)
    return bare


def _connect(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    )


def _write(url: str, value: int) -> None:
    with _connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", (value,))


def _read(url: str) -> list[object]:
    with _connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for another process, bounded."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        _PAUSE.wait(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _postmaster(home: Path) -> int:
    """The server's pid, or 0 while there is none."""
    try:
        return int((Layout.of(home).cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _hold(home: Path) -> "subprocess.Popen[str]":
    """Another process that uses the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_it_starts_serves_and_stops(home: Path) -> None:
    server = EmbeddedPostgres(home, settings=SETTINGS)
    url = server.start()
    _write(url, 1)
    postmaster = _postmaster(home)
    server.stop()
    assert not server.is_running()
    assert not _alive(postmaster)
    assert _read(server.start()) == [1]
    server.stop()


def test_everything_is_private_and_no_password_is_on_a_command_line(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS) as server:
        layout = Layout.of(home)
        modes = {path.name: path.stat().st_mode & 0o077 for path in (layout.base, *layout.base.iterdir())}
        assert set(modes.values()) == {0}, modes
        secrets = {layout.password.read_bytes(), layout.admin_password.read_bytes()}
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert not any(secret in cmdline.read_bytes() for secret in secrets)
            except (FileNotFoundError, ProcessLookupError):
                continue
        with _connect(server.admin_url) as admin:
            hba = admin.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
            settings = "SELECT current_setting('listen_addresses'), current_setting('fsync'), current_setting('jit')"
            assert admin.execute(settings).fetchone() == ("", "on", "off")
        assert hba == [("scram-sha-256",)]


def test_the_application_s_role_is_no_superuser(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS) as server, _connect(server.url) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")


def test_processes_share_one_server_and_the_last_to_leave_stops_it(home: Path) -> None:
    other = _hold(home)
    server = EmbeddedPostgres(home)
    _write(server.start(), 1)
    supervisor = server.supervisor_pid
    server.stop()
    assert server.is_running(), "the other process still uses it"
    other.kill()
    other.communicate()
    _until(lambda: not _alive(supervisor))
    assert not server.is_running()


def test_sigterm_stops_the_server_in_order(home: Path) -> None:
    server = EmbeddedPostgres(home, settings=SETTINGS)
    _write(server.start(), 1)
    supervisor, postmaster = server.supervisor_pid, _postmaster(home)
    os.kill(supervisor, signal.SIGTERM)
    _until(lambda: not _alive(supervisor) and not _alive(postmaster))
    assert not (Layout.of(home).cluster / "postmaster.pid").exists(), "a fast shutdown removes it"
    server.stop()
    assert _read(server.start()) == [1]
    server.stop()


@pytest.mark.parametrize("victim", ["supervisor", "postmaster", "both", "user"])
def test_kill_9_loses_nothing_that_was_committed(home: Path, victim: str) -> None:
    user = _hold(home)
    server = EmbeddedPostgres(home, keep=victim != "user")
    _write(server.start(), 7)
    supervisor, postmaster = server.supervisor_pid, _postmaster(home)
    server.stop()
    pids = {
        "supervisor": [supervisor],
        "postmaster": [postmaster],
        "both": [supervisor, postmaster],
        "user": [user.pid],
    }
    for pid in pids[victim]:
        os.kill(pid, signal.SIGKILL)
    user.kill()
    user.communicate()
    _until(lambda: not any(map(_alive, pids[victim])))
    again = EmbeddedPostgres(home)
    if victim == "postmaster":  # its supervisor lives and starts another
        _until(lambda: _postmaster(home) not in (0, postmaster))
        _until(lambda: _answers(again.url))
    else:
        _until(lambda: not _alive(postmaster))
    assert _read(again.start()) == [7]
    assert again.shut_down()


def _answers(url: str) -> bool:
    try:
        _connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_stale_pid_file_that_names_a_living_stranger_is_cleared(home: Path) -> None:
    server = EmbeddedPostgres(home, settings=SETTINGS)
    _write(server.start(), 3)
    pid_file = Layout.of(home).cluster / "postmaster.pid"
    content = pid_file.read_text().split("\n")
    server.stop()
    # After a crash and a reboot the old pid may be any process's of that user; PostgreSQL alone would not start.
    owner = pid_file.parent.stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    stranger = subprocess.Popen(["/bin/sleep", "100"], **identity)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *content[1:]]))
        assert _read(server.start()) == [3]
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_creation_is_begun_again(bare: Path) -> None:
    layout = Layout.of(bare)
    layout.unfinished.mkdir(parents=True)
    (layout.unfinished / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(bare, settings=SETTINGS) as server:
        _write(server.url, 1)
    assert not layout.unfinished.exists()


def test_a_cluster_of_another_version_is_named_not_touched(bare: Path) -> None:
    layout = Layout.of(bare)
    layout.cluster.mkdir(parents=True)
    (layout.cluster / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match="was made by PostgreSQL 16"):
        EmbeddedPostgres(bare).start()


def test_a_long_path_gets_a_short_private_socket_folder(bare: Path) -> None:
    deep = bare / ("d" * 90) / ("e" * 90)
    assert len(str(deep / SOCKET_NAME)) > MAX_SOCKET_PATH
    server = EmbeddedPostgres(deep, settings=SETTINGS)
    _write(server.start(), 5)
    sockets = Path(json.loads(Layout.of(deep).endpoint.read_text())["socket_dir"])
    status = sockets.stat()
    assert status.st_mode & 0o777 == 0o700
    assert len(bytes(sockets / SOCKET_NAME)) <= MAX_SOCKET_PATH
    assert status.st_uid == Layout.of(deep).base.stat().st_uid
    assert _read(server.url) == [5]
    server.stop()
    assert not sockets.exists()


def test_two_clusters_live_side_by_side(bare: Path) -> None:
    one, two = EmbeddedPostgres(bare / "one", settings=SETTINGS), EmbeddedPostgres(bare / "two", settings=SETTINGS)
    _write(one.start(), 1)
    _write(two.start(), 2)
    assert (_read(one.url), _read(two.url)) == ([1], [2])
    one.stop()
    assert _read(two.url) == [2]
    two.stop()


def test_a_second_supervisor_does_not_touch_a_running_cluster(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS) as server:
        _write(server.url, 1)
        command = [sys.executable, "-m", "broker.stores.postgres.supervisor", str(home)]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 1
        assert _read(server.url) == [1]


def test_the_wrong_password_is_refused(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS) as server:
        wrong = make_url(server.url).set(password="wrong").render_as_string(hide_password=False)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _connect(wrong)


def _as_user(name: str, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python as another user. The interpreter may lie where that user cannot look: the code is standard library."""
    entry = pwd.getpwnam(name)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that other users can run")
    return subprocess.run(
        [python, "-c", code, *arguments], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/",
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


KNOCK = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


@needs_root
def test_another_local_user_cannot_reach_the_socket(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS):
        home.chmod(0o755)
        door = Layout.of(home).sockets / SOCKET_NAME
        refused = _as_user("nobody", KNOCK, str(door))
        assert "PermissionError" in refused.stderr
        owner = pwd.getpwuid(door.stat().st_uid).pw_name
        assert _as_user(owner, KNOCK, str(door)).returncode == 0, "the knock itself works"


@needs_root
def test_another_local_user_who_reached_the_socket_still_needs_the_password(home: Path) -> None:
    """The second wall: with the folders opened by mistake, PostgreSQL asks for SCRAM and takes no wrong password."""
    with EmbeddedPostgres(home, settings=SETTINGS):
        layout = Layout.of(home)
        for folder, mode in ((home, 0o755), (layout.base, 0o711), (layout.sockets, 0o711)):
            folder.chmod(mode)
        (layout.sockets / SOCKET_NAME).chmod(0o777)
        hello = """
import socket, struct, sys
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
body = struct.pack("!I", 196608) + b"user\\0postgres\\0database\\0postgres\\0\\0"
door.sendall(struct.pack("!I", len(body) + 4) + body)
print(door.recv(200))
"""
        answer = _as_user("nobody", hello, str(layout.sockets / SOCKET_NAME))
        assert "SCRAM-SHA-256" in answer.stdout, answer.stderr
        for file in (layout.password, layout.admin_password):
            assert "PermissionError" in _as_user("nobody", "import sys; open(sys.argv[1])", str(file)).stderr


@needs_root
def test_root_runs_the_server_as_a_dedicated_user_in_a_private_place(bare: Path) -> None:
    """Also where the folders above are closed to that user, without opening any of them."""
    with EmbeddedPostgres(bare, settings=SETTINGS) as server:
        owner = Path(f"/proc/{_postmaster(bare)}").stat().st_uid
        assert pwd.getpwuid(owner).pw_name == "tongguan-db"
        assert bare.stat().st_mode & 0o777 == 0o700
        assert bare.stat().st_uid == 0
        _write(server.url, 1)


def _copy_of_the_environment(target: Path) -> tuple[str, dict[str, str]]:
    """(an interpreter, its environment) that an ordinary user can run, with this project's own code on its path."""
    python = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip(f"no Python 3.{sys.version_info.minor} outside the virtual environment for another user to run")
    package = binaries.packaged().parent
    shutil.copytree(package / "pginstall18", target / package.name / "pginstall18", symlinks=True)
    (target / package.name / "__init__.py").touch()
    shutil.copytree(package.parent / f"{package.name}.libs", target / f"{package.name}.libs")
    root = Path(broker.__file__).parent
    for part in ("stores/postgres", "stores/__init__.py", "__init__.py"):
        (target / "broker" / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy2
        copy(root / part, target / "broker" / part)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    return python, {"PYTHONPATH": str(target), "PYTHONSAFEPATH": "1", "PATH": "/usr/bin:/bin"}


@needs_root
def test_an_ordinary_user_after_root(bare: Path) -> None:
    """Root's run leaves nothing that bars another user's own cluster; root's cluster is refused with a clear word."""
    with EmbeddedPostgres(bare / "of-root", settings=SETTINGS) as server:
        _write(server.url, 1)
    bare.chmod(0o755)
    python, environment = _copy_of_the_environment(bare / "program")
    entry = pwd.getpwnam("nobody")
    theirs = bare / "of-nobody"
    theirs.mkdir()
    os.chown(theirs, entry.pw_uid, entry.pw_gid)

    def as_nobody(folder: Path) -> "subprocess.CompletedProcess[str]":
        code = HOLD.replace("sys.stdin.read()", "server.stop()")
        return subprocess.run(
            [python, "-c", code, str(folder)], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], env=environment,
            cwd="/", capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    own = as_nobody(theirs)
    assert own.stdout == "ready\n", own.stderr
    refused = as_nobody(bare / "of-root")
    assert "belongs to tongguan-db" in refused.stderr
    # And root in that user's folder runs it as that user, leaving every file theirs.
    with EmbeddedPostgres(theirs) as server:
        _write(server.url, 2)
    base = Layout.of(theirs).base
    assert {path.stat().st_uid for path in base.rglob("*") if path.suffix != ".log"} == {entry.pw_uid}
    again = as_nobody(theirs)
    assert again.stdout == "ready\n", again.stderr


@needs_root
@pytest.mark.parametrize("name", ["supervisor.log", "attached.lock", "password", "run", "endpoint.new"])
def test_root_follows_no_link_that_the_account_planted(bare: Path, name: str) -> None:
    """The account owns the folder root works in: a link there must not make root write, own or open up its target."""
    target = bare / "of-root"
    target.mkdir() if name == "run" else target.write_text("precious")
    target.chmod(0o755)
    base = Layout.of(bare).base
    base.mkdir(mode=0o700)
    entry = pwd.getpwnam("nobody")
    os.chown(base, entry.pw_uid, entry.pw_gid)
    (base / name).symlink_to(target)
    try:
        with EmbeddedPostgres(bare, settings=SETTINGS):
            pass
    except (PostgresError, OSError):
        pass  # refusing is as good as replacing the link
    status = target.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (0, 0o755)
    assert list(target.iterdir()) == [] if name == "run" else target.read_text() == "precious"


@needs_root
def test_programs_in_a_private_folder_are_copied_where_the_dedicated_user_can_run_them(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = bare / "private" / "site-packages"
    original = binaries.packaged()
    shutil.copytree(original, wheel / original.parent.name / original.name, symlinks=True)
    libraries = original.parent.parent / f"{original.parent.name}.libs"
    shutil.copytree(libraries, wheel / libraries.name)
    monkeypatch.setattr(binaries, "packaged", lambda: wheel / original.parent.name / original.name)
    shared = Path(tempfile.mkdtemp(prefix="tg-shared-"))
    shared.chmod(0o755)
    monkeypatch.setattr(binaries, "SHARED_COPIES", shared)
    try:
        account = account_for(Layout.of(bare).base)
        assert not account.can_read(wheel)
        installed = binaries.readable_by(account)
        assert installed.is_relative_to(shared)
        assert {path.stat().st_uid for path in installed.rglob("*")} == {0}, "the account cannot change its programs"
        ran = subprocess.run(
            [installed / "bin" / "initdb", "--version"], user=account.uid, group=account.gid, extra_groups=[],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.stdout.startswith("initdb (PostgreSQL) 18")
        assert binaries.readable_by(account) == installed
    finally:
        shutil.rmtree(shared)


def test_nothing_listens_on_the_network(home: Path) -> None:
    with EmbeddedPostgres(home, settings=SETTINGS), socket.socket() as knock:
        knock.settimeout(1)
        with pytest.raises(OSError):
            knock.connect(("127.0.0.1", 5432))

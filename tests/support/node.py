"""npm packages for tests: `tests/node/package.json` names them, `npm ci` brings them once, scripts run under node."""

import fcntl
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

NODE_HOME: Final = Path(__file__).resolve().parents[1] / "node"
_INSTALLED: Final = NODE_HOME / "node_modules" / ".package-lock.json"  # npm writes it last


@cache
def node() -> str:
    """The node binary, with the packages of `tests/node` beside it. Skips the test when there is no node or npm at all;
    raises when the packages are wanted and cannot be had.
    """
    binary, npm = shutil.which("node"), shutil.which("npm")
    if binary is None or npm is None:
        pytest.skip("node and npm are not installed: this check by another implementation did not run")
    with (NODE_HOME / "package.json").open() as lock:
        # Processes of one run (xdist) install once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _current():
            command = [npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=NODE_HOME, capture_output=True, text=True, check=False, timeout=280)
            if done.returncode != 0:
                raise RuntimeError(f"npm ci in {NODE_HOME} failed:\n{done.stderr[-2000:]}")
    return binary


def run_node(script: str, *arguments: str, stdin: bytes = b"", seconds: float = 60) -> Any:
    """Run `tests/node/<script>` and return what it printed, as JSON. Raises AssertionError with what it said when it
    fails.
    """
    command = [node(), str(NODE_HOME / script), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=seconds, cwd=NODE_HOME)
    said = done.stderr.decode(errors="replace")[-2000:]
    assert done.returncode == 0, f"{script} ended with {done.returncode}: {said}"
    return json.loads(done.stdout)


def _current() -> bool:
    """Whether what is installed is what the lock file names."""
    if not _INSTALLED.is_file():
        return False
    wanted = json.loads((NODE_HOME / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    found = json.loads(_INSTALLED.read_text(encoding="utf-8"))["packages"]
    return all(
        found.get(name, {}).get("version") == entry["version"]
        for name, entry in wanted.items()
        if name and not entry.get("optional")
    )

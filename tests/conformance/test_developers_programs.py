"""The programs on the developers' page, as the broker serves them: run unchanged, each a process, with a real person's
browser between.
"""

import json
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from broker.core.zone import LANGUAGES
from broker.web.developers import PROGRAMS
from tests.support.node import NODE_HOME, node
from tests.support.process import free_port
from tests.support.sandbox_stage import PARTNER, SandboxStage

_SECONDS = 90


def _command(name: str, folder: Path, text: str) -> list[str]:
    """Put the program where a developer would, beside its packages."""
    program = folder / name
    program.write_text(text, encoding="utf-8")
    if PROGRAMS[name] == "python":
        return [sys.executable, str(program)]
    (folder / "node_modules").symlink_to(NODE_HOME / "node_modules")
    return [node(), str(program)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_from_the_page_reads_what_a_person_agreed_to(
    sandbox_stage: SandboxStage, name: str, tmp_path: Path
) -> None:
    redirect = f"http://127.0.0.1:{free_port()}/callback"
    client_id = f"example-{PROGRAMS[name]}"
    sandbox_stage.run(
        "partners", "client", "add", PARTNER, "--client-id", client_id, "--redirect-uri", redirect,
        "--home", sandbox_stage.broker_home,
    )  # fmt: skip
    key = ECKey.import_key(sandbox_stage.key)
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    browser = sandbox_stage.browser()
    served = browser.http.get(f"{sandbox_stage.broker_url}/developers/{name}")
    assert served.status_code == 200
    given = {
        "issuer": sandbox_stage.broker_url,
        "client-id": client_id,
        "partner": PARTNER,
        "key": str(tmp_path / "key.pem"),
        "kid": str(sandbox_stage.key["kid"]),
        "redirect-uri": redirect,
        "purpose": "age-check",
        "claim": "over_18",
    }
    arguments = [part for option, value in given.items() for part in (f"--{option}", value)]
    command = [*_command(name, tmp_path, served.text), *arguments]
    answer = _run(command, sandbox_stage, browser, redirect)
    assert answer["claims"] == {"over_18": True}
    assert answer["synthetic"] is True
    assert len(answer["consents"]) == len(answer["journal"]) == 1
    # Another program may have asked the same of this person before, and people are not asked the same twice.
    assert browser.seen in (["login", "consent"], ["login"])


def _run(command: list[str], stage: SandboxStage, browser: Any, redirect: str) -> dict[str, Any]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=stage._trusting()
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        watchdog = Timer(_SECONDS, process.kill)
        watchdog.start()
        try:
            address = process.stderr.readline().strip()
            assert address.startswith(f"{stage.broker_url}/oauth/authorize?"), address + process.stderr.read()[-3000:]
            arrived = browser.go(address, back_at=redirect)
            assert isinstance(arrived, dict), (arrived.status_code, arrived.text[:2000])
            # The browser arrives at the program itself.
            assert httpx.get(browser.arrived, trust_env=False).status_code == 200
            printed, complaint = process.communicate(timeout=_SECONDS)
            assert process.returncode == 0, complaint[-3000:]
            return dict(json.loads(printed))
        finally:
            watchdog.cancel()
            process.kill()


def test_the_page_is_there_in_four_languages_with_the_programs_on_it(sandbox_stage: SandboxStage) -> None:
    http = sandbox_stage.browser().http
    headings = set()
    for language in LANGUAGES:
        page = http.get(f"{sandbox_stage.broker_url}/developers", params={"lang": language})
        assert page.status_code == 200
        assert f'<html lang="{language}">' in page.text
        headings.add(page.text.partition("<h1>")[2].partition("</h1>")[0])
        for name in PROGRAMS:
            assert page.text.count(f'id="{name}"') == 1
        assert "private_key_jwt" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(headings) == len(LANGUAGES)
    assert http.get(f"{sandbox_stage.broker_url}/developers/settings.py").status_code == 404

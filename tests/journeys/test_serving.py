"""`make demo SERVE=1 PUBLIC=...`: every printed address answers, and the authority is what a phone is given."""

import io
import re
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from rich.console import Console

from tests.demo.serving import open_house, tell
from tests.demo.tenant import PEOPLE, cast_from_packages
from tests.support.staff import open_link


def test_everything_that_is_printed_answers(tmp_path: Path) -> None:
    authority = tmp_path / "authority"
    cast = cast_from_packages(0)
    with (
        ThreadPoolExecutor(1) as reader,
        open_house(tmp_path / "serve", cast, PEOPLE, camera=None, host="127.0.0.1", tls_folder=authority) as house,
    ):
        printed = io.StringIO()
        tell(house, cast, PEOPLE, Console(file=printed, width=40))
        # When the lines do not come, leaving the house ends the gate, and with it the reading.
        traveller, officer = (reader.submit(house.kiosk.stdout.readline).result(60).decode() for _ in range(2))

        assert house.authority is not None and house.authority in printed.getvalue()
        download = httpx.get(house.authority, trust_env=False)
        assert download.headers["content-type"] == "application/x-x509-ca-cert"
        assert download.content == (authority / "ca.pem").read_bytes()
        for path in ("/", "/ca.key", "/../ca.key", "/server.key"):
            assert httpx.get(house.authority.replace("/ca.pem", path), trust_env=False).status_code == 404

        trust = ssl.create_default_context(cadata=download.text)
        wallet = re.search(r"^Wallet +(https://\S+)$", printed.getvalue(), re.MULTILINE)
        assert wallet is not None
        assert httpx.get(wallet[1], verify=trust, trust_env=False).status_code == 200

        sign_in = re.search(r"^  tongguan (staff sign-in .+)$", printed.getvalue(), re.MULTILINE)
        assert sign_in is not None
        link = house.stage.run(*sign_in[1].split()).strip()
        with httpx.Client(verify=trust, trust_env=False, base_url=house.stage.broker_url) as browser:
            assert browser.get("/console").status_code == 401
            assert open_link(browser, link).status_code == 303
            console = browser.get("/console")
            assert console.status_code == 200
            assert "drawn by its seed" in console.text or "looked at whole" in console.text

        assert traveller.startswith("Traveller http://127.0.0.1:")
        assert httpx.get(traveller.split()[1], trust_env=False).status_code == 200
        address = re.fullmatch(r"Officer   (http://127\.0\.0\.1:\d+/officer\?key=\S+)\n", officer)
        assert address is not None
        assert httpx.get(address[1], trust_env=False).status_code == 200
        assert httpx.get(address[1].split("?")[0], trust_env=False).status_code == 404

    assert stat.S_IMODE(authority.stat().st_mode) == 0o700
    for key in authority.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600

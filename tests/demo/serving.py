"""`make demo SERVE=1`: everything stays up for a person with a browser or, with PUBLIC, with a phone."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from pathlib import Path

import qrcode
from rich.console import Console

from tests.demo.journeys import ZONE, Cast
from tests.support.process import Process, tongguan
from tests.support.stage import Stage, Tls


def public_host(wish: str) -> str:
    """The name or address asked for; "1" finds the address of the interface that faces the network. Nothing is sent."""
    if wish != "1":
        return wish
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # A datagram socket only chooses its route here (RFC 5737 documentation address).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def serve(
    home: Path,
    cast: Cast,
    people: dict[str, tuple[str, str]],
    *,
    camera: int | None,
    public: str | None,
    console: Console,
) -> None:
    """Start a clean tenant with the wallet and a kiosk, print where everything is, and wait for Ctrl-C."""
    host = public_host(public) if public else "127.0.0.1"
    portraits = home / "portraits"
    portraits.mkdir(parents=True)
    for traveller, other in people.values():
        shutil.copyfile(cast.portrait, portraits / f"{traveller}.jpg")
        shutil.copyfile(cast.impostor, portraits / f"{other}.jpg")
    tls, environment = None, {}
    if public:
        folder = home / "tls"
        Process("tls", tongguan("tls", "make", "--home", folder, "--host", host), log=home / "tls.log").wait()
        tls = Tls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        # The broker's own calls to the providers trust the local authority too.
        environment = {"SSL_CERT_FILE": str(tls.ca)}
    bind = "0.0.0.0" if public and host != "127.0.0.1" else "127.0.0.1"  # noqa: S104  asked for by PUBLIC
    with Stage(home, portraits, host=host, bind=bind, tls=tls, environment=environment) as stage:
        watched = home / "camera"
        watched.mkdir()
        kiosk = stage.kiosk(ZONE, f"watch:{watched}" if camera is None else f"camera:{camera}")
        console.rule("everything is up; Ctrl-C ends it")
        console.print(f"Wallet    {stage.wallet_url}/")
        console.print(f"Broker    {stage.broker_url}/")
        for provider, url in stage.idp_urls.items():
            console.print(f"{provider:9} {url}/   people: {', '.join(people[provider])}")
        console.print(f"Photographs to enrol with: {cast.enrolment}, {cast.live}")
        if camera is None:
            console.print(f"The gate watches a folder: put a picture of the code, then one of a face, into {watched}")
        if tls:
            console.print(f"Install this authority on the phone first: {tls.ca}")
            code = qrcode.QRCode(border=2)
            code.add_data(f"{stage.wallet_url}/")
            code.print_ascii(invert=True)
        # Where the screens are, then every decision of the gate, until Ctrl-C.
        with suppress(KeyboardInterrupt):
            for line in kiosk.stdout:
                console.print(line.decode().rstrip(), highlight=False, soft_wrap=True)

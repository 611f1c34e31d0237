"""`make demo SERVE=1`: everything stays up for a person with a browser or, with PUBLIC, with a phone."""

from __future__ import annotations

import ipaddress
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import qrcode
from rich.console import Console

from tests.demo.authority import PATH, AuthorityDownload, fingerprint
from tests.demo.journeys import ZONE, Cast
from tests.support.process import Process
from tests.support.stage import Stage, Tls

LOOPBACK = "127.0.0.1"


def public_host(wish: str, console: Console) -> str:
    """The name or address asked for; "1" finds the address of the interface that faces the network. Nothing is sent."""
    if wish != "1":
        return wish
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # A datagram socket only chooses its route here (RFC 5737 documentation address).
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            console.print(
                f"[yellow]No network interface with a route was found: serving on {LOOPBACK}, which no phone reaches. "
                "Name the address yourself with PUBLIC=ADDRESS.[/]"
            )
            return LOOPBACK


def is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@dataclass(frozen=True)
class House:
    """What is up: `kiosk` prints where its screens are, then every decision."""

    stage: Stage
    kiosk: Process
    watched: Path | None
    authority: str | None
    """Where a phone downloads the local authority; None without TLS."""
    regulator: Path
    """The key of an invented regulator."""


@contextmanager
def open_house(
    home: Path,
    cast: Cast,
    people: dict[str, tuple[str, str]],
    *,
    camera: int | None,
    host: str | None,
    tls_folder: Path,
) -> Iterator[House]:
    """A clean tenant with the wallet and a kiosk; over TLS on `host` if given. Raises ProcessFailed."""
    portraits = home / "portraits"
    portraits.mkdir(parents=True)
    for traveller, other in people.values():
        shutil.copyfile(cast.portrait, portraits / f"{traveller}.jpg")
        shutil.copyfile(cast.impostor, portraits / f"{other}.jpg")
    bind = LOOPBACK if host is None or is_loopback(host) else "0.0.0.0"  # noqa: S104  asked for by PUBLIC
    tls = Tls.make(tls_folder, host) if host else None
    with ExitStack() as stack:
        stage = stack.enter_context(Stage(home, portraits, host=host or LOOPBACK, bind=bind, tls=tls))
        authority = None
        if tls:
            download = stack.enter_context(AuthorityDownload(tls.ca, bind=bind))
            authority = f"http://{host}:{download.port}{PATH}"
        watched = None
        if camera is None:
            watched = home / "camera"
            watched.mkdir()
        kiosk = stage.kiosk(ZONE, f"camera:{camera}" if watched is None else f"watch:{watched}")
        regulator = stage.staff_key("regulator-1", "regulator", "Somebody at the Authority (invented)")
        yield House(stage, kiosk, watched, authority, regulator)


def serve(
    home: Path,
    cast: Cast,
    people: dict[str, tuple[str, str]],
    *,
    camera: int | None,
    public: str | None,
    tls_folder: Path,
    console: Console,
) -> None:
    """Start everything, print where it is and what the gate decides, until Ctrl-C. Raises ProcessFailed."""
    host = public_host(public, console) if public else None
    with (
        suppress(KeyboardInterrupt),
        open_house(home, cast, people, camera=camera, host=host, tls_folder=tls_folder) as house,
    ):
        tell(house, cast, people, console)
        for line in house.kiosk.stdout:
            say(console, line.decode().rstrip())
        raise house.kiosk.fail("the gate ended")


def tell(house: House, cast: Cast, people: dict[str, tuple[str, str]], console: Console) -> None:
    """Print every address; the kiosk's own two come from the kiosk."""
    console.rule("everything is up; Ctrl-C ends it")
    say(console, f"Wallet    {house.stage.wallet_url}/")
    say(console, f"Broker    {house.stage.broker_url}/")
    for provider, url in house.stage.idp_urls.items():
        traveller, other = people[provider]
        say(console, f"{provider:9} {url}/   people: {traveller} (the traveller), {other} (somebody else)")
    trust = f" --ca {house.stage.ca}" if house.stage.ca else ""
    say(console, f"Console   {house.stage.broker_url}/console   open the link that this prints, within a minute:")
    say(console, f"  tongguan staff sign-in --key {house.regulator} --url {house.stage.broker_url}{trust}")
    say(console, f"Portrait that the providers hold of the traveller: {cast.portrait}")
    say(console, f"Photographs to enrol with and to show to the gate: {cast.enrolment}, {cast.live}")
    if house.watched is not None:
        say(console, f"The gate watches a folder: put a picture of the code, then one of a face, into {house.watched}")
    if house.stage.tls and house.authority:
        say(console, f"First install this authority on the phone (once): {house.authority}")
        say(console, f"  SHA-256 {fingerprint(house.stage.tls.ca)}")
        show_code(console, house.authority)
        say(console, f"Then open the wallet: {house.stage.wallet_url}/")
        show_code(console, f"{house.stage.wallet_url}/")
    say(console, "The gate's screens, on this machine (a referral is ended with the officer's button):")


def say(console: Console, text: str) -> None:
    """Whole lines as they are: an address that wraps cannot be opened."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def show_code(console: Console, text: str) -> None:
    code = qrcode.QRCode(border=2)
    code.add_data(text)
    code.print_ascii(out=console.file, invert=True)

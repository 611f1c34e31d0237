"""Logging in by the mock of the national network identity app, and the settings that fit the mock."""

from pathlib import Path

import httpx

from connectors.mock_idps.ctid.register import PASSWORD
from tests.support.html_forms import form_with, submit
from tests.support.provider_pages import Choice, page_at


def through_the_app(
    browser: httpx.Client, page: httpx.Response, choice: Choice, *, password: str = PASSWORD, face: str = "own"
) -> httpx.Response:
    """From the app's first page to the answer that leads back, not followed. `face`: own, other or poor. `choice.share`
    names what is agreed to separately (sFXX, zP): everything when None.
    """
    shown = page_at(browser, page)
    form = form_with(shown, "person", choice.person)
    chosen = page_at(browser, submit(browser, shown, form, press=("person", choice.person)))
    form = form_with(chosen, "decision", "allow")
    if form.ticked:
        raise AssertionError("the app's page ticks something beforehand")
    if choice.cancel:
        return submit(browser, chosen, form, press=("decision", "cancel"), tick=[])
    given = {"password": password, "face": face}
    form.fields = [(name, given.get(name, value)) for name, value in form.fields]
    ticked = [box for box in form.checkboxes if choice.share is None or box[1] in choice.share]
    return submit(browser, chosen, form, press=("decision", "allow"), tick=ticked)


def settings_table(platform: str, keys: Path, *, client_id: str = "tongguan") -> dict[str, str]:
    """`[providers.*]` of kind `ctid` for a mock at `platform` with its keys in `keys`."""
    return {
        "platform": platform,
        "app": f"{platform}/app/authorize",
        "customer_number": client_id,
        "app_name": "通关",
        "org_id": "10000001",
        "app_id": "0001",
        "signing_key": str(keys / "client-sign.key"),
        "signing_certificate": str(keys / "client-sign.pem"),
        "encryption_key": str(keys / "client-encrypt.key"),
        "encryption_certificate": str(keys / "client-encrypt.pem"),
        "platform_certificates": str(keys / "platform-certificates.pem"),
    }

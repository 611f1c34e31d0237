"""Logging in at a provider by HTTP, as a person with a browser would: one walk for each dialect's pages.

A walk gets the provider's first page and returns the answer that leads back to the broker, not followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urljoin

import httpx

from tests.support.html_forms import form_with, submit

MAX_HOPS = 20


@dataclass(frozen=True)
class Choice:
    """Who logs in, and what they do at the provider. `share` None: everything that is asked."""

    person: str
    share: list[str] | None = None
    cancel: bool = False


class Walk(Protocol):
    def __call__(self, browser: httpx.Client, page: httpx.Response, choice: Choice) -> httpx.Response: ...


def page_at(browser: httpx.Client, response: httpx.Response) -> httpx.Response:
    """Follow redirects within the provider to a page."""
    for _ in range(MAX_HOPS):
        if response.status_code not in (302, 303):
            break
        response = browser.get(urljoin(str(response.url), response.headers["location"]))
    if response.status_code != 200:
        raise AssertionError(f"expected a page, got {response.status_code}: {response.text[:2000]}")
    return response


def person_then_boxes(browser: httpx.Client, page: httpx.Response, choice: Choice) -> httpx.Response:
    """A page with a button for each person, then one with a box for each scope and two decisions."""
    shown = page_at(browser, page)
    form = form_with(shown, "person", choice.person)
    chosen = page_at(browser, submit(browser, shown, form, press=("person", choice.person)))
    form = form_with(chosen, "decision", "allow")
    if choice.cancel:
        return submit(browser, chosen, form, press=("decision", "cancel"), tick=[])
    ticked = [box for box in form.checkboxes if choice.share is None or box[1] in choice.share]
    return submit(browser, chosen, form, press=("decision", "allow"), tick=ticked)


def macau(browser: httpx.Client, page: httpx.Response, choice: Choice) -> httpx.Response:
    """A walk: with a face check, and with the client as the one recipient."""
    return at_macau(browser, page, choice.person, share=choice.share, cancel=choice.cancel)


def at_macau(
    browser: httpx.Client,
    page: httpx.Response,
    person: str,
    *,
    eid: str = "rosto",
    share: list[str] | None = None,
    recipients: list[str] | None = None,
    cancel: bool = False,
) -> httpx.Response:
    """Account, EID, then what is shared with whom: everything with the client alone unless told otherwise. Returns the
    redirect back to the client, which may come before the last page.
    """
    shown = page_at(browser, page)
    answer = submit(browser, shown, form_with(shown, "person", person), press=("person", person))
    if answer.status_code != 200:
        return answer
    answer = submit(browser, answer, form_with(answer, "eid", eid), press=("eid", eid))
    if answer.status_code != 200:
        return answer
    form = form_with(answer, "decision", "allow")
    departments = [value for name, value in form.checkboxes if name == "departamento"][:1]
    chosen = [
        (name, value)
        for name, value in form.checkboxes
        if (name == "campo" and (share is None or value in share))
        or (name == "departamento" and value in (departments if recipients is None else recipients))
    ]
    return submit(browser, answer, form, press=("decision", "cancel" if cancel else "allow"), tick=chosen)


WALKS: Final[Mapping[str, Walk]] = {
    "ctid": person_then_boxes,
    "iamsmart": person_then_boxes,
    "macau": macau,
}

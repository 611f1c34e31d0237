"""Logging in at a running broker by plain HTTP, and switching faults of its providers on and off."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx

from connectors.mock_idps.faults import FAULTS_PATH
from connectors.mock_idps.people import load_people
from tests.support.provider_pages import WALKS, Choice
from tests.support.stage import PROVIDERS, Stage

MACHINE: Final[Mapping[str, list[str]]] = {
    "ctid": ["/ctid", "/auth", "/api"],
    "iamsmart": ["/api/v1/security", "/api/v1/auth/getToken", "/api/v1/account", "/api/v1/profiles"],
    "macau": ["/.well-known", "/jwks", "/bureau", "/par", "/token", "/packet"],
}
"""What of a provider only the broker asks for: with a fault there, people still see the provider's own pages."""

PEOPLE: Final[Mapping[str, tuple[str, ...]]] = {
    "ctid": ("ctid-wang", "ctid-li", "ctid-ouyang"),
    "iamsmart": ("iamsmart-chan", "iamsmart-wong", "iamsmart-dsouza"),
    "macau": ("macau-sousa", "macau-lei", "macau-rosario"),
}
"""People of whom nobody is at two providers."""


@dataclass(frozen=True)
class Attempt:
    """One login: `page` is None when it succeeded, else what the broker showed. `seconds`: from page to session."""

    provider: str
    person: str
    seconds: float
    page: httpx.Response | None

    @property
    def succeeded(self) -> bool:
        return self.page is None


def log_in(broker: str, provider: str, person: str, *, language: str = "en") -> Attempt:
    """A person in a browser of their own: choose, walk the provider's pages, come back."""
    with httpx.Client(trust_env=False, timeout=60) as browser:
        begun = time.perf_counter()
        browser.get(f"{broker}/login", params={"return_to": "/identities", "lang": language})
        form = {"return_to": "/identities", "lang": language}
        left = browser.post(f"{broker}/login/{provider}", data=form)
        if left.status_code == 303:
            first = browser.get(left.headers["location"])
            back = WALKS[provider](browser, first, Choice(person))
            left = browser.get(urljoin(str(back.url), back.headers["location"]))
        page = None if left.status_code == 303 and left.headers["location"] == "/identities" else left
        return Attempt(provider, person, time.perf_counter() - begun, page)


def switch(stage: Stage, provider: str, fault: str, *, seconds: float = 10) -> None:
    """Have the provider's machine interface fail (`none`: work again)."""
    body = {"fault": fault, "seconds": seconds, "paths": MACHINE[provider]}
    httpx.post(f"{stage.idp_urls[provider]}{FAULTS_PATH}", json=body, trust_env=False).raise_for_status()


def synthetic_portraits(folder: Path) -> Path:
    """A file that looks like a JPEG for everybody: nobody decodes one before enrolment."""
    folder.mkdir(parents=True, exist_ok=True)
    for provider in PROVIDERS:
        for person in load_people(provider, portraits=folder):
            (folder / f"{person}.jpg").write_bytes(b"\xff\xd8\xff\xe0 synthetic")
    return folder

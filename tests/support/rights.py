"""A person at the pages about their rights: logged in, with a journal that gives every entry its place."""

from dataclasses import dataclass
from uuid import UUID

import httpx
from starlette.testclient import TestClient

from broker.stores.journal import Journal
from broker.stores.sequencer import Sequencer
from broker.wire import checkpoint
from broker.wire.registry import KeyUse
from tests.support.html_forms import Form, forms_of
from tests.support.web_world import WebWorld


@dataclass
class Person:
    """One person's browser. `traveller` is who they are inside."""

    web: WebWorld
    http: TestClient
    traveller: UUID

    def log_in(self) -> None:
        """Anew: the session's time is now."""
        self.http.cookies.update(self.web.session(self.traveller))

    def get(self, path: str, *, lang: str = "en") -> httpx.Response:
        mark = "&" if "?" in path else "?"
        return self.http.get(f"{path}{mark}lang={lang}")

    def form(self, page: httpx.Response, action: str) -> Form:
        return next(form for form in forms_of(page) if form.action == action)

    def send(self, form: Form, **more: str) -> httpx.Response:
        return self.http.post(form.action, data={**dict(form.fields), **more})


def arrive(web: WebWorld, http: TestClient, traveller: UUID) -> Person:
    person = Person(web, http, traveller)
    person.log_in()
    return person


def place_entries(web: WebWorld) -> None:
    """Every entry that waits gets its place under a signed checkpoint."""
    Sequencer(web.database, web.world.signers[KeyUse.CHECKPOINT], web.now).run_once()


def verifier_key(web: WebWorld) -> str:
    """What an auditor was given to check the journal with."""
    with web.database.unit_of_work() as uow:
        return checkpoint.verifier_key(web.world.signers[KeyUse.CHECKPOINT].public, Journal().origin(uow))

"""Members of staff for tests: with a key, entered, and signed in as the command line and a browser do it."""

from datetime import datetime
from itertools import count
from os import urandom

import httpx
from starlette.testclient import TestClient

from broker.cli.staff import sign_in_link
from broker.core.staff import Role, Staff, new_staff
from broker.flows.add_staff import add_staff
from broker.flows.ports import Work
from broker.wire.keys import LocalSigner
from broker.wire.registry import Alg, KeyUse
from tests.support.html_forms import forms_of

_NUMBERS = count(1)


def enter(work: Work, *roles: Role, at: datetime, alg: Alg = Alg.EDDSA) -> tuple[Staff, LocalSigner]:
    """A new member with these roles, and their key."""
    signer = LocalSigner.generate(KeyUse.STAFF, alg)
    member = new_staff(f"staff-{next(_NUMBERS)}", "Somebody Who Works Here", roles, signer.public, at)
    add_staff(work, member, at=at, entropy=urandom)
    return member, signer


def sign_in(client: TestClient, *roles: Role) -> Staff:
    """A new member with these roles, signed in in this client (its cookie is kept there)."""
    services = client.app.state.services  # type: ignore[attr-defined]
    with services.begin() as work:
        member, signer = enter(work, *roles, at=services.clock())
    link = sign_in_link(client, services.issuer, member.staff_id, signer)
    open_link(client, link)
    return member


def open_link(client: httpx.Client, link: str) -> httpx.Response:
    """Follow a link of `staff sign-in` and press the page's button."""
    page = client.get(link)
    (form,) = [form for form in forms_of(page) if form.action == "/staff/enter"]
    return client.post(form.action, data=dict(form.fields))


def csrf(client: httpx.Client, path: str = "/staff") -> str:
    """The anti-forgery token of the session in this client."""
    fields = [field for form in forms_of(client.get(path)) for field in form.fields]
    return dict(fields)["csrf"]

"""What the person sees in the browser: which account, how it is proven, what is shared and with whom."""

import secrets
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.macau.accounts import kind, obstacle
from connectors.mock_idps.macau.eid import FAILURES, METHODS
from connectors.mock_idps.macau.grants import Agreed
from connectors.mock_idps.macau.machine import PUSHED_PREFIX
from connectors.mock_idps.macau.requests import Asked
from connectors.mock_idps.macau.state import CLIENT_NAMES, PAGE_SECONDS, Entering, World
from connectors.mock_idps.pages import NO_STORE

TELEPHONE_COOKIE = "macau-telemovel"


def routes(world: World) -> list[Route]:
    pages = _Pages(world)
    return [
        Route("/authorize", pages.authorize),
        Route("/authorize/conta", pages.choose_account, methods=["POST"]),
        Route("/authorize/eid", pages.prove, methods=["POST"]),
        Route("/authorize/decisao", pages.decide, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, world: World) -> None:
        self.world = world

    async def authorize(self, request: Request) -> Response:
        """RFC 9126 4: the client and the request it pushed, which is used once."""
        query = request.query_params
        name = query.get("request_uri", "").removeprefix(PUSHED_PREFIX)
        asked = self.world.pushed.take(name) if query.get("client_id") == self.world.settings.client_id else None
        if asked is None:
            return self._refused("invalid_request_uri")
        return self._step("conta.html", Entering(asked), people=list(self.world.people.values()))

    async def choose_account(self, request: Request) -> Response:
        form = await request.form()
        entering = self._taken(request, str(form.get("transaction", "")))
        person = self.world.people.get(str(form.get("person", "")))
        if entering is None:
            return self._refused("unknown_transaction")
        if form.get("decision") == "cancel":
            return self._back(entering.asked, error="access_denied")
        if person is None:
            return self._refused("unknown_account")
        if kind(person) != entering.asked.kind:
            return self._back(entering.asked, error="conta_nao_pessoal")
        hindrance = obstacle(person, self.world.settings.now())
        if hindrance is not None:
            return self._back(entering.asked, error=hindrance)
        return self._step("eid.html", replace(entering, person_id=person.person_id), person=person)

    async def prove(self, request: Request) -> Response:
        """The EID on the telephone, with or without a face check at the bureau; or the password alone."""
        form = await request.form()
        entering, pressed = self._taken(request, str(form.get("transaction", ""))), str(form.get("eid", ""))
        if entering is None or entering.person_id is None:
            return self._refused("unknown_transaction")
        if pressed in FAILURES:
            return self._back(entering.asked, error=FAILURES[pressed])
        if pressed not in METHODS:
            return self._refused("unknown_method")
        telephone = request.cookies.get(TELEPHONE_COOKIE, "")
        if pressed != "palavra-passe" and not self.world.telephones.holds(entering.person_id, telephone):
            return self._back(entering.asked, error="eid_noutro_telemovel")
        acr, amr = METHODS[pressed]
        asked = entering.asked
        return self._step(
            "consent.html",
            replace(entering, acr=acr, amr=amr),
            person=self.world.people[entering.person_id],
            fields=asked.fields,
            purpose=asked.purpose,
            form=asked.form,
            client=CLIENT_NAMES[asked.language],
            departments=[(code, known.names[asked.language]) for code, known in self.world.departments.items()],
        )

    async def decide(self, request: Request) -> Response:
        """A code for what was ticked, or access_denied."""
        form = await request.form()
        entering = self._taken(request, str(form.get("transaction", "")))
        if entering is None or entering.person_id is None or entering.acr is None:
            return self._refused("unknown_transaction")
        path = request.url.path
        if form.get("decision") != "allow" or self.world.strikes(Fault.CANCELLED, path):
            return self._back(entering.asked, error="access_denied")
        if self.world.strikes(Fault.FROZEN, path):
            return self._back(entering.asked, error="conta_suspensa")
        ticked, chosen = form.getlist("campo"), form.getlist("departamento")
        agreed = Agreed(
            txn=secrets.token_urlsafe(16),
            asked=entering.asked,
            person_id=entering.person_id,
            acr=entering.acr,
            amr=entering.amr,
            auth_time=self.world.seconds(),
            fields=tuple(field for field in entering.asked.fields if field in ticked),
            departments=tuple(code for code in self.world.departments if code in chosen),
        )
        code = self.world.codes.put(agreed)
        if self.world.strikes(Fault.REPLAYED_CALLBACK, path):
            self.world.codes.take(code)  # as if this callback had been answered before
        return self._back(entering.asked, code=code)

    # --- details ---

    def _step(self, template: str, entering: Entering, **context: Any) -> Response:
        """A page whose form must come back from the browser that got it, once."""
        name = self.world.entering.put(entering)
        response = self.world.pages.render(template, entering.asked.language, transaction=name, **context)
        response.set_cookie(_cookie(name), "1", max_age=PAGE_SECONDS, httponly=True, samesite="lax")
        return response

    def _taken(self, request: Request, name: str) -> Entering | None:
        entering = self.world.entering.take(name)
        return entering if _cookie(name) in request.cookies else None

    def _refused(self, error: str) -> Response:
        return self.world.pages.render("error.html", "zh-Hant", status=400, error=error)

    def _back(self, asked: Asked, **answer: str) -> Response:
        """RFC 6749 4.1.2, RFC 9207."""
        query = urlencode({**answer, "state": asked.state, "iss": self.world.issuer})
        separator = "&" if "?" in asked.redirect_uri else "?"
        return RedirectResponse(f"{asked.redirect_uri}{separator}{query}", status_code=303, headers=NO_STORE)


def _cookie(transaction: str) -> str:
    # Cookies are shared between ports of one host, so each provider and each step has a name of its own.
    return f"macau-{sha256(transaction.encode()).hexdigest()[:16]}"

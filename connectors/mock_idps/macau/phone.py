"""The app on the telephone: binding the EID, the code for a counter, releases at a counter, and what stands."""

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.macau.accounts import obstacle
from connectors.mock_idps.macau.browser import TELEPHONE_COOKIE
from connectors.mock_idps.macau.eid import QR_SECONDS
from connectors.mock_idps.macau.notices import deliver, event_token
from connectors.mock_idps.macau.state import LANGUAGES, PAGE_SECONDS, World
from connectors.mock_idps.pages import NO_STORE
from connectors.mock_idps.qr import svg

_SESSION = "macau-app"


def routes(world: World) -> list[Route]:
    app = _App(world)
    return [
        Route("/app", app.start),
        Route("/app/eid", app.bind, methods=["POST"]),
        Route("/app/qr", app.code),
        Route("/app/balcao", app.answer, methods=["POST"]),
        Route("/app/consentimentos", app.standing),
        Route("/app/consentimentos/retirar", app.withdraw, methods=["POST"]),
    ]


class _App:
    def __init__(self, world: World) -> None:
        self.world = world

    async def start(self, request: Request) -> Response:
        """Whose telephone this is."""
        people = list(self.world.people.values())
        return self.world.pages.render("app.html", _language(request), people=people)

    async def bind(self, request: Request) -> Response:
        """After a face check at the bureau this telephone holds the EID, and no other does."""
        person_id = str((await request.form()).get("person", ""))
        person = self.world.people.get(person_id)
        if person is None:
            return self._refused(request, "unknown_account")
        hindrance = obstacle(person, self.world.settings.now())
        if hindrance is not None:
            return self._refused(request, hindrance)
        telephone = request.cookies.get(TELEPHONE_COOKIE) or secrets.token_urlsafe(16)
        self.world.telephones.bind(person_id, telephone)
        response = _see("/app/qr")
        response.set_cookie(TELEPHONE_COOKIE, telephone, httponly=True, samesite="lax")
        response.set_cookie(
            _SESSION, self.world.apps.put(person_id), max_age=PAGE_SECONDS, httponly=True, samesite="lax"
        )
        return response

    async def code(self, request: Request) -> Response:
        """The encrypted QR, another one every QR_SECONDS; and the counters that ask for something."""
        person_id = self._owner(request)
        if person_id is None:
            return _see("/app")
        text = self.world.counter_codes.show(person_id, self.world.settings.now())
        waiting = [
            (name, asked)
            for name, asked in self.world.counter.items()
            if asked.person_id == person_id and not asked.answered
        ]
        language = _language(request)
        names = next(iter(self.world.departments.values())).names
        response = self.world.pages.render(
            "qr.html", language, text=text, picture=svg(text), waiting=waiting, department=names[language]
        )
        response.headers["Refresh"] = str(QR_SECONDS)
        return response

    async def answer(self, request: Request) -> Response:
        """Consent on the telephone: what is ticked, or nothing at all."""
        form = await request.form()
        name = str(form.get("pedido", ""))
        asked = self.world.counter.get(name)
        if asked is None or asked.person_id != self._owner(request) or asked.answered:
            return self._refused(request, "pedido_caducado")
        if form.get("decision") == "allow":
            ticked = form.getlist("campo")
            asked.fields = tuple(field for field in asked.fields_asked if field in ticked)
        asked.answered = True
        return _see("/app/qr")

    async def standing(self, request: Request) -> Response:
        person_id = self._owner(request)
        if person_id is None:
            return _see("/app")
        agreements = self.world.grants.of_person(person_id)
        names = {code: known.names[_language(request)] for code, known in self.world.departments.items()}
        return self.world.pages.render("standing.html", _language(request), agreements=agreements, names=names)

    async def withdraw(self, request: Request) -> Response:
        """Withdraws one agreement and tells the client, which is not asked whether it agrees."""
        person_id, txn = self._owner(request), str((await request.form()).get("txn", ""))
        if person_id is None or txn not in [agreed.txn for agreed in self.world.grants.of_person(person_id)]:
            return self._refused(request, "unknown_agreement")
        self.world.grants.withdraw(txn)
        url = self.world.settings.callback_url
        if url is not None:
            path = request.url.path
            token = event_token(
                self.world.signer(path),
                kid=self.world.key.kid or "",
                issuer=self.world.issuer,
                audience=self.world.settings.client_id,
                subject=self.world.subject(person_id),
                event="consentimento-retirado",
                now=self.world.seconds(),
                txn=txn,
            )
            times = 2 if self.world.strikes(Fault.REPLAYED_CALLBACK, path) else 1
            for _ in range(times):
                await deliver(self.world.post, url, token, self.world.settings.switch.sleep)
        return _see("/app/consentimentos")

    # --- details ---

    def _owner(self, request: Request) -> str | None:
        """The person whose EID this telephone holds, and who opened the app on it."""
        person_id = self.world.apps.get(request.cookies.get(_SESSION, ""))
        telephone = request.cookies.get(TELEPHONE_COOKIE, "")
        return person_id if person_id is not None and self.world.telephones.holds(person_id, telephone) else None

    def _refused(self, request: Request, error: str) -> Response:
        return self.world.pages.render("error.html", _language(request), status=400, error=error)


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _see(path: str) -> Response:
    return RedirectResponse(path, status_code=303, headers=NO_STORE)

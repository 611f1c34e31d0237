"""Pages that stand for the QR code, the app and the person in front of it: scan as somebody, then approve or not."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.mock_idps.faults import Fault
from connectors.mock_idps.iamsmart.api import BASE, settle
from connectors.mock_idps.iamsmart.callbacks import Send, call_back
from connectors.mock_idps.iamsmart.codes import Code, Refusal
from connectors.mock_idps.iamsmart.outcomes import fields_of, outcome
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.started import SOURCES
from connectors.mock_idps.iamsmart.tasks import CODE_SECONDS, TASK_SECONDS, Grant, Task, What
from connectors.mock_idps.pages import NO_STORE, Pages

TITLE: Final = {"zh-Hant": "智方便", "zh-Hans": "智方便", "en": "iAM Smart"}
LANGUAGES: Final = {"zh-HK": "zh-Hant", "zh-CN": "zh-Hans", "en-US": "en"}
CLIENT: Final = {"zh-Hant": "通關", "zh-Hans": "通关", "en": "Tongguan"}
SCOPES: Final = (
    "eidapi_auth", "eidapi_profiles", "eidapi_formFilling", "eidapi_sign", "eidapi_fr", "eidapi_bulksign",
)  # fmt: skip
_KINDS: Final = {
    What.LOGIN: "login", What.PROFILE: "profile", What.EME: "eme",
    What.STEP_UP: "stepup", What.HASH: "sign", What.PDF: "sign",
}  # fmt: skip


class AppPages:
    """`send` delivers callbacks."""

    def __init__(self, provider: Provider, send: Send) -> None:
        self._provider = provider
        self._send = send
        self._pages = Pages(title=TITLE, accent="#0b6e4f", package="connectors.mock_idps.iamsmart")

    def routes(self) -> list[Route]:
        return [
            Route(BASE + "/auth/getQR", self._scan),
            Route("/app/person", self._choose, methods=["POST"]),
            Route("/app/decision", self._decide, methods=["POST"]),
            Route("/app/timeout", self._time_out),
            self._pages.route(),
        ]

    async def _scan(self, request: Request) -> Response:
        """The QR code's page. What cannot be trusted to be redirected is shown."""
        query = dict(request.query_params.multi_items())
        language = LANGUAGES.get(query.get("lang", ""), "zh-Hant")
        try:
            task = self._task(query, language, repeated=len(query) != len(request.query_params.multi_items()))
        except Refusal as refusal:
            return self._error(language, refusal.code)
        if task.ends <= self._provider.now():
            return await self._refused(task, Code.TIMED_OUT)
        name = self._provider.screens.put(task, seconds=task.ends - self._provider.now())
        people = [each for each in self._provider.people.values() if task.person_id in (None, each.person_id)]
        ticket = query.get("ticketID") or name
        response = self._pages.render(
            "scan.html",
            language,
            transaction=name,
            people=people,
            client=CLIENT[language],
            app_link=f"hk.gov.iamsmart://{task.what.app_link}?ticketID={ticket}",
            seconds=int(task.ends - self._provider.now()) + 1,
        )
        # The forms that follow must come from the browser that got this page.
        response.set_cookie(_cookie(name), "1", max_age=TASK_SECONDS, httponly=True, samesite="lax")
        return response

    def _task(self, query: Mapping[str, str], language: str, *, repeated: bool) -> Task:
        """Raises Refusal for what must not be redirected."""
        provider = self._provider
        service = provider.services.get(query.get("clientID", ""))
        if service is None:
            raise Refusal(Code.UNKNOWN_CLIENT)
        redirect_uri = query.get("redirectURI", "")
        if redirect_uri not in service.redirect_uris:
            raise Refusal(Code.REDIRECT_NOT_LISTED)
        scopes = tuple(query.get("scope", "").split())
        good = (
            not repeated
            and query.get("responseType") == "code"
            and query.get("source") in SOURCES
            and query.get("lang") in LANGUAGES
            and query.get("brokerPage", "true") in ("true", "false")
            and bool(query.get("state"))
            and "eidapi_auth" in scopes
            and set(scopes) <= set(SCOPES)
        )
        if not good:
            raise Refusal(Code.PARAMETER)
        ticket = query.get("ticketID")
        if not ticket:
            ends = provider.now() + TASK_SECONDS
            return Task(What.LOGIN, service, redirect_uri, query["state"], ends, language, scopes)
        task = provider.tickets.get(ticket) or provider.tickets.ended(ticket)
        if task is None or (task.service.client_id, task.redirect_uri, task.state) != (
            service.client_id, redirect_uri, query["state"],
        ):  # fmt: skip
            raise Refusal(Code.NO_SUCH_REQUEST)
        return replace(task, language=language)

    async def _choose(self, request: Request) -> Response:
        form = await request.form()
        name, person_id = str(form.get("transaction", "")), str(form.get("person", ""))
        task = self._mine(request, name)
        if task is None:
            return self._error("zh-Hant", Code.NO_SUCH_REQUEST)
        if task.ends <= self._provider.now():
            return await self._refused(task, Code.TIMED_OUT, name)
        if person_id not in self._provider.people or task.person_id not in (None, person_id):
            return self._error(task.language, Code.NO_SUCH_REQUEST)
        person = self._provider.people[person_id]
        self._provider.screens.put(replace(task, chosen=person_id), seconds=task.ends - self._provider.now(), name=name)
        optional = [scope for scope in task.scopes if scope != "eidapi_auth"] if task.what is What.LOGIN else []
        return self._pages.render(
            "approve.html",
            task.language,
            transaction=name,
            kind=_KINDS[task.what],
            person=person,
            client=CLIENT[task.language],
            scopes=optional,
            fields=list(fields_of(person, task.fields)),
            texts=task.texts,
            digest=task.digest.hex(),
            seconds=int(task.ends - self._provider.now()) + 1,
        )

    async def _decide(self, request: Request) -> Response:
        form = await request.form()
        name, decision = str(form.get("transaction", "")), form.get("decision")
        task = self._mine(request, name)
        if task is None:
            return self._error("zh-Hant", Code.NO_SUCH_REQUEST)
        refused = self._refusal(task, decision)
        if refused is not None:
            return await self._refused(task, refused, name)
        self._provider.screens.drop(name)
        ticked = {str(value) for value in form.getlist("scope")}
        return self._logged_in(task, ticked) if task.what is What.LOGIN else await self._approved(task)

    def _refusal(self, task: Task, decision: object) -> Code | None:
        if task.ends <= self._provider.now():
            return Code.TIMED_OUT
        if decision == "reject":
            return Code.REJECTED
        if decision != "allow" or task.chosen is None:
            return Code.CANCELLED
        if self._provider.switch.strikes(Fault.CANCELLED, "/app/decision"):
            return Code.CANCELLED
        return Code.FROZEN if self._provider.switch.strikes(Fault.FROZEN, "/app/decision") else None

    async def _time_out(self, request: Request) -> Response:
        """Where a page that nobody answered goes by itself."""
        name = request.query_params.get("transaction", "")
        task = self._mine(request, name)
        if task is None or task.ends > self._provider.now():
            return self._error("zh-Hant", Code.NO_SUCH_REQUEST)
        return await self._refused(task, Code.TIMED_OUT, name)

    def _mine(self, request: Request, name: str) -> Task | None:
        """The task shown to this browser, even when its time is up."""
        if _cookie(name) not in request.cookies:
            return None
        return self._provider.screens.get(name) or self._provider.screens.ended(name)

    def _logged_in(self, task: Task, ticked: set[str]) -> Response:
        granted = frozenset({"eidapi_auth"} | (ticked & set(task.scopes)))
        grant = Grant(task.service, task.chosen or "", granted, self._provider.now_ms)
        return _back(task, code=self._provider.codes.put(grant, seconds=CODE_SECONDS))

    async def _approved(self, task: Task) -> Response:
        person = self._provider.people[task.chosen or ""]
        try:
            content = outcome(self._provider, task, person)
        except Refusal as refusal:
            return await self._refused(task, refusal.code)
        await self._deliver(task, Code.SUCCESS, content)
        return _back(task, businessID=task.business_id or "")

    async def _refused(self, task: Task, code: Code, name: str = "") -> Response:
        self._provider.screens.drop(name)
        if task.what is What.LOGIN:
            return _back(task, error_code=code)
        await self._deliver(task, code, {})
        return _back(task, error_code=code, businessID=task.business_id or "")

    async def _deliver(self, task: Task, code: Code, content: dict[str, Any]) -> None:
        whole = {"businessID": task.business_id, "state": task.state, **content}
        if task.anonymous:
            settle(self._provider, f"{task.service.client_id} {task.business_id}", code, whole)
        else:
            await call_back(self._provider, self._send, task.service, code, whole)

    def _error(self, language: str, code: Code) -> Response:
        return self._pages.render("error.html", language, status=400, error=code)


def _back(task: Task, **answer: str) -> Response:
    separator = "&" if "?" in task.redirect_uri else "?"
    target = f"{task.redirect_uri}{separator}{urlencode({**answer, 'state': task.state})}"
    return RedirectResponse(target, status_code=303, headers=NO_STORE)


def _cookie(transaction: str) -> str:
    # Cookies are shared between ports of one host, so each provider and each screen has a name of its own.
    return f"iamsmart-{sha256(transaction.encode()).hexdigest()[:16]}"

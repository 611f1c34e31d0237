"""Pages that stand for the app: who it is, what they agree to, and back to the caller. They work without scripts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.mock_idps.ctid.register import PASSWORD
from connectors.mock_idps.ctid.world import APP_SECONDS, AppLogin, World
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.pages import NO_STORE
from connectors.mock_idps.state import OneTime

LANGUAGES: Final = ("zh-Hans", "zh-Hant", "en")
DATA: Final = ("sFXX", "zP")
FACES: Final = ("own", "other", "poor")
CLIENT_NAME: Final = {"zh-Hans": "通关", "zh-Hant": "通關", "en": "Tongguan"}
_BIZ_SEQ: Final = re.compile(r"[0-9A-Za-z]{32}")
_DESCRIPTIONS: Final = {
    "C0000000": "成功",
    "C0412002": "未安装国家网络身份认证APP",
    "C0412003": "用户取消",
    "C0405001": "请求数据错误",
}


@dataclass(frozen=True)
class Opened:
    """One use of the app. `with_password`: `type` 1."""

    biz_seq: str
    with_password: bool
    redirect_uri: str
    state: str
    language: str
    person_id: str | None = None


class AppPages:
    """The app's screens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._opened: OneTime[Opened] = OneTime(APP_SECONDS, world.now)
        self._last_data: str | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/app/authorize", self.authorize),
            Route("/app/person", self.choose, methods=["POST"]),
            Route("/app/decision", self.decide, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Whoever calls must be known and listed; what is wrong beyond that goes back as C0405001."""
        pairs, world = request.query_params.multi_items(), self._world
        asked = dict(pairs)
        language = asked.get("lang", "zh-Hans") if asked.get("lang") in LANGUAGES else "zh-Hans"
        known = asked.get("orgID") == world.org_id and asked.get("appID") == world.app_id
        redirect_uri = asked.get("redirectURI", "")
        if not known or redirect_uri not in world.settings.redirect_uris or len(asked) != len(pairs):
            return world.pages.render("error.html", language, status=400, error="C0405001")
        state, with_password = asked.get("state", ""), asked.get("type") == "1"
        opened = Opened(asked.get("bizSeq", ""), with_password, redirect_uri, state, language)
        # A page may be loaded again; a number that was used may not be used again.
        fresh = _BIZ_SEQ.fullmatch(opened.biz_seq) is not None and not world.used.get(_used(opened.biz_seq))
        if asked.get("type") not in ("0", "1") or not fresh:
            return self._back(opened, "C0405001")
        return self._page("app_person.html", opened, people=list(world.register.people.values()))

    async def choose(self, request: Request) -> Response:
        """Whose phone this is; then what to agree to: nothing is ticked."""
        form = await request.form()
        opened = self._take(request, str(form.get("transaction", "")))
        person = self._world.register.people.get(str(form.get("person", "")))
        if opened is None:
            return self._lost()
        if form.get("decision") == "missing":
            return self._back(opened, "C0412002")
        if form.get("decision") == "cancel":
            return self._back(opened, "C0412003")
        if person is None:
            return self._lost()
        return self._page(
            "app_consent.html",
            replace(opened, person_id=person.person_id),
            person=person,
            client=CLIENT_NAME[opened.language],
            data=DATA,
            faces=FACES,
            password=PASSWORD,
        )

    async def decide(self, request: Request) -> Response:
        """The result of the app."""
        form = await request.form()
        opened = self._take(request, str(form.get("transaction", "")))
        if opened is None or opened.person_id is None:
            return self._lost()
        if form.get("decision") != "allow" or self._world.switch.strikes(Fault.CANCELLED, "/app/decision"):
            return self._back(opened, "C0412003")
        if not self._world.used.put(_used(opened.biz_seq), True):
            return self._back(opened, "C0405001")
        ticked = frozenset(str(value) for value in form.getlist("scope")) & set(DATA)
        login = AppLogin(opened.person_id, ticked, self._face(opened.person_id, str(form.get("face", "own"))))
        self._world.logins.put(opened.biz_seq, login)
        data = self._data(opened, opened.person_id, str(form.get("password", "")))
        if self._world.switch.strikes(Fault.REPLAYED_CALLBACK, "/app/decision") and self._last_data is not None:
            data = self._last_data
        self._last_data = data
        return self._back(opened, "C0000000", resultData=data)

    def _data(self, opened: Opened, person_id: str, password: str) -> str:
        """`resultData`: envelopes for the platform, each for this `bizSeq` and one use."""
        world, issued = self._world, self._world.register.issued(person_id)
        index = issued.index if issued is not None else ""
        data = {
            "idCardAuthData": world.close(kind="idCardAuthData", bizSeq=opened.biz_seq, person=person_id, index=index),
            "certPwdData": world.close(kind="certPwdData", bizSeq=opened.biz_seq, password=password)
            if opened.with_password
            else "",
            "verifyData": world.close(kind="verifyData", bizSeq=opened.biz_seq),
            "extrasData": "",
        }
        return json.dumps(data, separators=(",", ":"))

    def _face(self, person_id: str, choice: str) -> bytes:
        """What the phone's camera saw. The picture stays with the platform; `verifyData` only refers to it."""
        people = self._world.register.people
        if choice == "poor":
            return b"too dark"
        if choice == "other":
            others = [person.portrait for name, person in people.items() if name != person_id and person.portrait]
            return others[0] if others else b"\xff\xd8\xff nobody we know"
        return people[person_id].portrait or b"\xff\xd8\xff of somebody without a photograph on file"

    # --- details ---

    def _page(self, template: str, opened: Opened, **context: Any) -> Response:
        name = self._opened.put(opened)
        page = self._world.pages.render(
            template, opened.language, transaction=name, with_password=opened.with_password, **context
        )
        # The forms that follow must come from the browser that got this page.
        page.set_cookie(_cookie(name), "1", max_age=APP_SECONDS, httponly=True, samesite="lax")
        return page

    def _take(self, request: Request, name: str) -> Opened | None:
        return self._opened.take(name) if _cookie(name) in request.cookies else None

    def _lost(self) -> Response:
        return self._world.pages.render("error.html", "zh-Hans", status=400, error="unknown_transaction")

    def _back(self, opened: Opened, code: str, **result: str) -> Response:
        answer: Mapping[str, str] = {
            "resultCode": code,
            "resultDesc": _DESCRIPTIONS[code],
            **result,
            "state": opened.state,
        }
        separator = "&" if "?" in opened.redirect_uri else "?"
        url = f"{opened.redirect_uri}{separator}{urlencode(answer)}"
        return RedirectResponse(url, status_code=303, headers=NO_STORE)


def _used(biz_seq: str) -> str:
    return f"bizSeq {biz_seq}"


def _cookie(transaction: str) -> str:
    return f"ctid-{sha256(transaction.encode()).hexdigest()[:16]}"

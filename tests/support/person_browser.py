"""A person with a browser: follows redirects, logs in at the sandbox provider, answers the consent pages' forms."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

from tests.support.html_forms import Form, forms_of, submit
from tests.support.sandbox_idp import ORIGIN

_MAX_HOPS = 30


@dataclass
class PersonBrowser:
    """`person` is who logs in where a login is asked for (None: nobody, the journey stops at the login page); `agrees`
    is the answer on consent pages (None: stop there). `seen` lists what was shown, in order.
    """

    http: httpx.Client
    person: str | None = "ann"
    agrees: bool | None = True
    cancels_login: bool = False
    seen: list[str] = field(default_factory=list)

    def go(self, url: str, *, back_at: str) -> httpx.Response | dict[str, str]:
        """Open an address; the parameters that arrive at `back_at`, or the page where the journey ended."""
        return self.follow(self.http.get(url), back_at=back_at)

    def post(self, url: str, form: dict[str, str], *, back_at: str) -> httpx.Response | dict[str, str]:
        return self.follow(self.http.post(url, data=form), back_at=back_at)

    def follow(self, response: httpx.Response, *, back_at: str) -> httpx.Response | dict[str, str]:
        for _ in range(_MAX_HOPS):
            if response.status_code in (302, 303):
                target = urljoin(str(response.url), response.headers["location"])
                if target.split("?")[0].split("#")[0] == back_at:
                    assert "#" not in target, "code flow answers in the query"
                    pairs = parse_qsl(urlsplit(target).query, keep_blank_values=True)
                    assert len(dict(pairs)) == len(pairs), f"repeated parameters: {target}"
                    return dict(pairs)
                response = self._at_provider(target) if target.startswith(ORIGIN) else self.http.get(target)
                continue
            if response.status_code != 200:
                return response
            onwards = self._act(response)
            if onwards is None:
                return response
            response = onwards
        raise AssertionError(f"too many hops: {self.seen}")

    def _at_provider(self, target: str) -> httpx.Response:
        """The provider's page: the person names themselves, or cancels."""
        asked = dict(parse_qsl(urlsplit(target).query))
        answer = {"error": "cancelled"} if self.cancels_login else {"person": self.person or ""}
        return self.http.get(f"{asked['back']}?{urlencode({'state': asked['state'], **answer})}")

    def _act(self, page: httpx.Response) -> httpx.Response | None:
        """What this person does on a page; None when they stop here."""
        forms = forms_of(page)
        login = next((form for form in forms if form.action.startswith("/login/")), None)
        if login is not None:
            self.seen.append("login")
            return None if self.person is None else submit(self.http, page, login)
        consent = next((form for form in forms if form.has("decision", "agree")), None)
        if consent is not None:
            self.seen.append("consent")
            return None if self.agrees is None else self._decide(page, consent)
        self.seen.append("page")
        return None

    def _decide(self, page: httpx.Response, form: Form) -> httpx.Response:
        assert not form.ticked, "nothing is ticked beforehand"
        if self.agrees:
            return submit(self.http, page, form, press=("decision", "agree"), tick=form.checkboxes)
        return submit(self.http, page, form, press=("decision", "refuse"), tick=[])

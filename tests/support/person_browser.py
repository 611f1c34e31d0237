"""A person with a browser: follows redirects, logs in at a provider, answers the consent pages' forms."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

from tests.support.html_forms import Form, forms_of, submit
from tests.support.sandbox_idp import ORIGIN

_MAX_HOPS = 30
AtProvider = Callable[[httpx.Client, str, str | None], httpx.Response]
"""What somebody (None: who cancels) does at the provider's address; gives the answer that leads back."""


def at_sandbox_provider(http: httpx.Client, target: str, person: str | None) -> httpx.Response:
    """The one page of `tests.support.sandbox_idp`."""
    asked = dict(parse_qsl(urlsplit(target).query))
    answer = {"person": person} if person else {"error": "cancelled"}
    return http.get(f"{asked['back']}?{urlencode({'state': asked['state'], **answer})}")


@dataclass
class PersonBrowser:
    """`person` is who logs in where a login is asked for (None: nobody, the journey stops at the login page); `agrees`
    is the answer on consent pages (None: stop there). `seen` lists what was shown, in order; `arrived` is the address
    at which the last journey ended at the client.
    """

    http: httpx.Client
    person: str | None = "ann"
    agrees: bool | None = True
    cancels_login: bool = False
    provider: str = "sandbox"
    provider_origin: str = ORIGIN
    at_provider: AtProvider = at_sandbox_provider
    seen: list[str] = field(default_factory=list)
    arrived: str = ""

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
                    self.arrived = target
                    pairs = parse_qsl(urlsplit(target).query, keep_blank_values=True)
                    assert len(dict(pairs)) == len(pairs), f"repeated parameters: {target}"
                    return dict(pairs)
                if target.startswith(self.provider_origin):
                    response = self.at_provider(self.http, target, None if self.cancels_login else self.person)
                else:
                    response = self.http.get(target)
                continue
            if response.status_code != 200:
                return response
            onwards = self._act(response)
            if onwards is None:
                return response
            response = onwards
        raise AssertionError(f"too many hops: {self.seen}")

    def _act(self, page: httpx.Response) -> httpx.Response | None:
        """What this person does on a page; None when they stop here."""
        forms = forms_of(page)
        login = next((form for form in forms if form.action == f"/login/{self.provider}"), None)
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

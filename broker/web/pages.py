"""Rendering of the broker's pages: one template environment, one policy, one language per page."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import jinja2
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker.core.zone import LANGUAGES
from broker.oidc.language import choose_language
from broker.web.messages import NAMES, catalogue
from broker.web.problems import REGISTER, Problem, ProblemType
from broker.web.services import services_of

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("broker.web", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# What stands in a `mailto:` as it is: nothing that a mail program would read as more than one address.
_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_ENVIRONMENT.tests["mail_address"] = lambda said: _MAIL_ADDRESS.fullmatch(said) is not None
# Which of our texts a person reads for a problem; any other problem is "failed".
_FOR_PEOPLE: Mapping[str, str] = {
    "form-expired": "form_expired",
    "not-found": "not_found",
    "method-not-allowed": "not_found",
    "malformed-request": "bad_request",
    "invalid-request": "bad_request",
    "database-unavailable": "unavailable",
    "overloaded": "unavailable",
    "too-many-requests": "unavailable",
    "outcome-unknown": "unknown_outcome",
    "not-authenticated": "form_expired",
}


def language_of(request: Request, explicit: str | None = None) -> str:
    """`lang` of form or query, else what the browser prefers, else the operator's."""
    asked = explicit or request.query_params.get("lang")
    return choose_language(asked, request.headers.get("accept-language"), services_of(request).language)


def render(
    request: Request,
    template: str,
    language: str,
    *,
    status: int = 200,
    switch: Sequence[tuple[str, str]] | None = None,
    form_targets: Sequence[str] = (),
    **context: Any,
) -> HTMLResponse:
    """A page. `switch`: the same page by language; `form_targets`: addresses a form may end up at by redirect."""
    body = _ENVIRONMENT.get_template(template).render(
        text=catalogue(language),
        language=language,
        names=NAMES,
        switch=_same_page(request) if switch is None else switch,
        **context,
    )
    # Nothing may run, load from elsewhere or frame the page; browsers count a form's redirects as form-action.
    origins = " ".join(sorted({origin_of(target) for target in form_targets}))
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {origins}"
    )
    headers = {
        "Content-Security-Policy": policy.strip(),
        # With `no-referrer` browsers would post forms with `Origin: null`, which is refused.
        "Referrer-Policy": "same-origin",
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie",
    }
    return HTMLResponse(body, status, headers=headers)


def problem_page(request: Request, problem: Problem, name: str) -> HTMLResponse:
    """A problem for a person, in their words. `name` is what the log calls the request."""
    language = language_of(request)
    texts = catalogue(language)["problem"]
    message = texts[problem.members.get("text") or _FOR_PEOPLE.get(problem.slug, "failed")]
    page = render(request, "problem.html", language, status=problem.status, message=message, number=name)
    page.headers.update(problem.headers)
    return page


def register_page(request: Request, slug: str, kind: ProblemType) -> HTMLResponse:
    """What a problem type means; the page behind the `type` of RFC 9457."""
    return render(request, "problem_type.html", "en", switch=(), slug=slug, kind=kind, count=len(REGISTER))


def origin_of(address: str) -> str:
    """scheme://host[:port] of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def languages_at(path: str, query: Mapping[str, str]) -> list[tuple[str, str]]:
    """The address of a page in each language."""
    return [(code, f"{path}?{urlencode({**query, 'lang': code})}") for code in LANGUAGES]


def _same_page(request: Request) -> list[tuple[str, str]]:
    return [(code, str(URL(path_and_query(request)).include_query_params(lang=code))) for code in LANGUAGES]


def path_and_query(request: Request) -> str:
    """What was asked for, without the origin."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")

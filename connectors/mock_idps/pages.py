"""Pages of a mock provider: every mock's templates extend the one accessible `base.html`, and no page has a script."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_SHARED: Final = "connectors.mock_idps"
NO_STORE: Final = {"Cache-Control": "no-store"}
_HEADERS: Final = {
    **NO_STORE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """`title` by language; `package` is the mock's own, with `templates/` and `texts.toml` (key -> language -> text)
    that add to and win over the shared ones.

    Templates get `t(key, **values)`, `title`, `language`, and what `render` is given.
    """

    def __init__(self, *, title: Mapping[str, str], accent: str, package: str | None = None) -> None:
        self.title = title
        self._accent = accent
        packages = [_SHARED] if package is None else [package, _SHARED]
        self._texts: dict[str, dict[str, str]] = {}
        for name in reversed(packages):
            text = files(name).joinpath("texts.toml").read_text(encoding="utf-8")
            self._texts |= tomllib.loads(text)
        self._templates = jinja2.Environment(
            loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name) for name in packages]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    def text(self, key: str, language: str, **values: object) -> str:
        """Raises KeyError for a key or language that has no text."""
        return self._texts[key][language].format(**values)

    def render(self, template: str, language: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A page in `language`, not to be stored or framed."""

        def text(key: str, **values: object) -> str:
            return self.text(key, language, **values)

        page = self._templates.get_template(template)
        body = page.render(t=text, title=self.title[language], language=language, **context)
        return HTMLResponse(body, status_code=status, headers=_HEADERS)

    def route(self) -> Route:
        """`/style.css`, in the provider's colour."""
        return Route("/style.css", self._style)

    async def _style(self, _: Request) -> Response:
        text = files(_SHARED).joinpath("templates", "style.css").read_text(encoding="utf-8")
        return Response(text.replace("ACCENT", self._accent), media_type="text/css")

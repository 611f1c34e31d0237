"""Reading and submitting the forms of a page, as a browser without JavaScript would."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


@dataclass
class Form:
    """One form: where it goes, its fields as sent untouched, and what can be ticked, chosen or pressed."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    checkboxes: list[tuple[str, str]] = field(default_factory=list)
    ticked: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def has(self, name: str, value: str) -> bool:
        return (name, value) in self.buttons + self.checkboxes + self.fields


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").lower()))
            self._open = True
            return
        if not self._open:
            return
        form = self.forms[-1]
        pair = (values.get("name", ""), values.get("value", "on" if tag == "input" else ""))
        if tag == "input" and values.get("type") in ("checkbox", "radio"):
            form.checkboxes.append(pair)
            if "checked" in values:
                form.ticked.append(pair)
        elif tag == "button" or (tag == "input" and values.get("type") == "submit"):
            form.buttons.append(pair)
        elif tag == "input":
            form.fields.append(pair)
        elif tag == "select":
            self._select = pair[0]
        elif tag == "option" and self._select is not None:
            chosen = [name for name, _ in form.fields]
            if self._select not in chosen or "selected" in values:
                form.fields = [known for known in form.fields if known[0] != self._select]
                form.fields.append((self._select, values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        elif tag == "select":
            self._select = None


def forms_of(page: httpx.Response) -> list[Form]:
    """Every form of a page, in order."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def form_with(page: httpx.Response, name: str, value: str) -> Form:
    """The first form that offers that button, box or field."""
    for form in forms_of(page):
        if form.has(name, value):
            return form
    raise AssertionError(f"no form offers {name}={value} on {page.url} ({page.status_code}): {page.text[:2000]}")


def submit(
    browser: httpx.Client,
    page: httpx.Response,
    form: Form,
    *,
    press: tuple[str, str] | None = None,
    tick: list[tuple[str, str]] | None = None,
) -> httpx.Response:
    """Send a form: hidden fields, what is ticked, and the button that was pressed."""
    pairs = [*form.fields, *(form.ticked if tick is None else tick), *([press] if press else [])]
    url = urljoin(str(page.url), form.action)
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        if name:
            data.setdefault(name, []).append(value)
    headers = {"Origin": f"{page.url.scheme}://{page.url.netloc.decode()}", "Sec-Fetch-Site": "same-origin"}
    return browser.request(form.method.upper(), url, data=data, headers=headers)

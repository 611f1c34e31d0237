"""What every page about people's rights shares: the person's own session, forms of their own, and a fresh login before
what cannot be undone (RFC 9470's idea, for pages).
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from broker.core.authorization import LoginSession
from broker.oidc.session import csrf_matches, current_session, login_url
from broker.web.forms import from_elsewhere, read_form
from broker.web.pages import language_of
from broker.web.problems import Problem
from broker.web.services import Services

RIGHTS: Final = "/rights"

Session = Annotated[LoginSession | None, Depends(current_session)]
Form = Annotated[Mapping[str, str], Depends(read_form)]


def to_login(request: Request, path: str, *, form: Mapping[str, str] | None = None) -> Response:
    """303 to the login, and from there back to `path` in the same language."""
    language = language_of(request, (form or {}).get("lang"))
    return RedirectResponse(login_url(request, f"{path}?lang={language}", language=language), status_code=303)


def checked(
    request: Request, services: Services, session: LoginSession | None, form: Mapping[str, str]
) -> LoginSession:
    """The session whose own page sent the form. Raises Problem."""
    if session is None or not csrf_matches(request, form.get("csrf")) or from_elsewhere(request, services):
        raise Problem("form-expired")
    return session


def is_fresh(services: Services, session: LoginSession) -> bool:
    """Whether the person logged in within the window that the data name."""
    return services.clock() < session.auth_time + services.rulebook.rights.step_up.window


def attachment(content: bytes, *, media_type: str, name: str) -> Response:
    """A file to keep. `name` is ASCII of ours."""
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})

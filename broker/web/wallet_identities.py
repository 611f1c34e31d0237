"""The wallet's view of a person's identities. Adding one needs a browser at the broker's own page, `manage`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from broker.core.denial import Denied
from broker.flows.unlink_identity import unlink_identity
from broker.oidc.login.held import IDENTITIES
from broker.oidc.resource import AccessToken, require_token
from broker.oidc.server import server_of
from broker.web.fields import Message, Moment, answer_with
from broker.web.pages import language_of
from broker.web.problems import of_denial
from broker.web.services import Provided, Transaction

router = APIRouter(prefix="/wallet/v1")

Person = Annotated[AccessToken, Depends(require_token("wallet"))]


class Identity(Message):
    """One identity. `withdrawn_at`: the person revoked us at the provider."""

    identity: UUID
    provider: str
    name: str
    linked_at: Moment
    last_login_at: Moment | None
    withdrawn_at: Moment | None


class Identities(Message):
    identities: list[Identity]
    manage: str


@router.get("/identities")
def identities(request: Request, token: Person, services: Provided, work: Transaction) -> Response:
    language, connectors = language_of(request), server_of(request).connectors
    found = [
        Identity(
            identity=link.link_id,
            provider=link.provider,
            name=connectors[link.provider].names[language] if link.provider in connectors else link.provider,
            linked_at=link.linked_at,
            last_login_at=link.last_login_at,
            withdrawn_at=link.withdrawn_at,
        )
        for link in work.identities.of(token.traveller_id)
    ]
    return answer_with(Identities(identities=found, manage=f"{services.issuer}{IDENTITIES}"))


@router.delete("/identities/{identity}", status_code=204)
def unlink(identity: UUID, token: Person, services: Provided, work: Transaction) -> Response:
    """Unlinks it and ends every login that rests on it, this one too if it does."""
    outcome = unlink_identity(
        work,
        keys=services.keys,
        traveller=token.traveller_id,
        link_id=identity,
        at=services.clock(),
        entropy=services.entropy,
    )
    if isinstance(outcome, Denied):
        raise of_denial(outcome)
    return Response(status_code=204)

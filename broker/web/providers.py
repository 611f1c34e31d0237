"""What providers send from server to server, and how they are."""

import logging
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from broker.oidc.server import server_of
from broker.web.bodies import JSON, MIB, BodyRule, Rules
from broker.web.problems import Problem
from broker.web.services import Provided
from broker.wire.identity_connector import ConnectorError, ProviderFault

router = APIRouter(prefix="/providers", include_in_schema=False)

_log: Final = logging.getLogger(__name__)
_TYPES: Final = frozenset({JSON, "application/jose", "application/jwt", "application/secevent+jwt", "text/plain"})


def rules(providers: Iterable[str]) -> Rules:
    """A callback has at most 1 MiB; each provider has a budget of its own."""
    return {("POST", f"/providers/{name}/callback"): BodyRule(_TYPES, MIB, together=4 * MIB) for name in providers}


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/{provider}/callback")
def callback(request: Request, services: Provided, provider: str, body: Annotated[bytes, Depends(_body)]) -> Response:
    """Verified by the connector, acted on once; a repetition is answered like the first (204). What does not verify is
    refused without a word of why.
    """
    connector: Any = server_of(request).connectors.get(provider)
    if connector is None or not hasattr(connector, "receive"):
        raise Problem("not-found")
    at = services.clock()
    try:
        notice = connector.receive({name.lower(): value for name, value in request.headers.items()}, body, at=at)
    except ConnectorError as error:
        _log.warning("callback refused: %s", error)
        if error.fault is ProviderFault.UNREACHABLE:  # a key could not be fetched: the provider sends it again
            raise Problem("overloaded") from error
        raise Problem("forbidden") from error
    with services.begin() as work:
        services.take_notice(work, provider, notice, at)
    return Response(status_code=204)


@router.get("/status")
def status(services: Provided) -> Response:
    """The circuit towards each provider as this worker process sees it; asks no provider. No personal data."""
    return JSONResponse(dict(services.provider_health()), headers={"Cache-Control": "no-store"})

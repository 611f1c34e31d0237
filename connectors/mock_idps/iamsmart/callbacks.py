"""Results on their way to a service: POST `{txID, code, message, content, secretKey}` to its callback address."""

import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx

from connectors.iamsmart.content_key import wrap
from connectors.iamsmart.envelope import compact_json, seal_json
from connectors.mock_idps.faults import Fault
from connectors.mock_idps.iamsmart.codes import Code
from connectors.mock_idps.iamsmart.provider import Provider
from connectors.mock_idps.iamsmart.service import Service

SECONDS: Final = 5.0
Send = Callable[[str, bytes], Awaitable[None]]


def over_http(trusted_ca: Path | None) -> Send:
    """POSTs once, believing the system's authorities and those of the PEM file `trusted_ca`. A service that does not
    answer does without: the person is not kept waiting.
    """
    trust = ssl.create_default_context()
    if trusted_ca is not None:
        trust.load_verify_locations(trusted_ca)

    async def send(url: str, body: bytes) -> None:
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False, verify=trust) as client:
                await client.post(url, content=body, headers={"Content-Type": "application/json"})
        except httpx.HTTPError:
            return

    return send


def callback_body(provider: Provider, service: Service, code: str, content: dict[str, Any]) -> bytes:
    """`secretKey` is there when the service has yet to hear of the key."""
    issued, unannounced = provider.keys.for_callback(service.client_id)
    key = secrets.token_bytes(32) if provider.switch.strikes(Fault.WRONG_SIGNATURE, "/callback") else issued.key
    members = {
        "txID": secrets.token_hex(16),
        "code": code,
        "message": Code(code).name,
        "content": seal_json(key, content, iv=secrets.token_bytes(12)),
    }
    if unannounced and service.public_key is not None:
        members["secretKey"] = wrap(issued.key, service.public_key, service.wrap)
    return compact_json(members)


async def call_back(provider: Provider, send: Send, service: Service, code: str, content: dict[str, Any]) -> None:
    if service.callback_url is None:
        return
    body = callback_body(provider, service, code, content)
    await send(service.callback_url, body)
    if provider.switch.strikes(Fault.REPLAYED_CALLBACK, "/callback"):
        await send(service.callback_url, body)

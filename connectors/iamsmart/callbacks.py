"""Server callbacks: `{txID, code, message, content, secretKey}`, by POST from the provider (specs/iamsmart.md 5).

A callback carries no signature. What proves it is the seal: (1) it opens under a content key that the provider itself
gave us, by getKey; a key that comes along in `secretKey` is only believed when getKey gives the same, because anybody
can wrap a key to our public certificate; (2) it names a businessID that this service made, not long ago, and is about
what was asked under it. A repetition gives the same notice again: acting once is the caller's part.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from broker.wire.approval_connector import ProviderNotice
from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.iamsmart.answer import SUCCESS, Answer
from connectors.iamsmart.api import Api, Opened
from connectors.iamsmart.business_id import Begun, BusinessIds, Kind
from connectors.iamsmart.results import Results

_KINDS: Final[Mapping[Kind, Literal["form_fill", "signature", "step_up", "other"]]] = {
    Kind.PROFILE: "other",
    Kind.FORM_FILL: "form_fill",
    Kind.STEP_UP: "step_up",
    Kind.HASH_SIGNATURE: "signature",
    Kind.PDF_SIGNATURE: "signature",
}


class Callbacks:
    def __init__(self, api: Api, business_ids: BusinessIds, results: Results) -> None:
        self._api = api
        self._business_ids = business_ids
        self._results = results

    def read(self, body: bytes, *, at: datetime) -> tuple[ProviderNotice, Answer, Opened]:
        """The notice, and what it was read from. Raises ConnectorError."""
        answer = self._api.read(body)
        opened = self._opened(answer, at)
        business_id, begun = self._begun(opened.members, at)
        state = opened.members.get("state")
        notice = ProviderNotice(
            business_id=business_id,
            kind=_KINDS[begun.kind],
            outcome=(
                self._results.read(begun, opened, at=at)
                if answer.code == SUCCESS
                else self._api.refused(answer.code).fault
            ),
            state=state if isinstance(state, str) and len(state) <= 256 else None,
        )
        return notice, answer, opened

    def _begun(self, content: Mapping[str, Any], at: datetime) -> tuple[str, Begun]:
        business_id = content.get("businessID")
        begun = self._business_ids.begun(business_id, at=at)
        if begun is None:
            raise self._api.error(ProviderFault.UNTRUSTED, "a callback about a request this service did not begin")
        return str(business_id), begun

    def _opened(self, answer: Answer, at: datetime) -> Opened:
        keys = self._api.keys
        if answer.secret_key is not None:
            brought = self._api.unwrapped(answer.secret_key)
            if all(brought != key.key for key in keys.live(at)):
                keys.ask_again(at)
            if all(brought != key.key for key in keys.live(at)):
                raise self._api.error(ProviderFault.UNTRUSTED, "a callback brought a key the provider does not know")
            return self._api.open(brought, answer.content or "")
        opened = self._with_live_key(answer, at)
        if opened is None:
            keys.ask_again(at)
            opened = self._with_live_key(answer, at)
        if opened is None:
            raise self._api.error(ProviderFault.UNTRUSTED, "a callback was not sealed with a key of ours")
        return opened

    def _with_live_key(self, answer: Answer, at: datetime) -> Opened | None:
        for key in self._api.keys.live(at):
            try:
                return self._api.open(key.key, answer.content or "")
            except ConnectorError as error:
                if error.fault is not ProviderFault.UNTRUSTED:
                    raise
        return None

"""iAM Smart behind the ports: login and approvals of one service (specs/iamsmart.md)."""

import os
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from broker.wire.identity_connector import LoginStart, Redirection
from broker.wire.identity_grant import IdentityGrant
from broker.wire.keys import Entropy
from connectors.adapter import Surroundings
from connectors.iamsmart.api import Api
from connectors.iamsmart.approvals import Approvals, Shop
from connectors.iamsmart.business_id import BusinessIds
from connectors.iamsmart.callbacks import Callbacks
from connectors.iamsmart.login import EVIDENCE, TRUST_FRAMEWORK, Login
from connectors.iamsmart.mailbox import Mailbox, MemoryMailbox
from connectors.iamsmart.results import Results
from connectors.iamsmart.settings import IamSmartSettings, read_anchors, read_private_key


class IamSmartConnector(Approvals):
    """Implements `IdentityConnector` and `ApprovalConnector`. Tokens of this provider cannot be refreshed."""

    names: Mapping[str, str] = {
        "zh-Hant": "智方便（香港）",
        "zh-Hans": "智方便（香港）",
        "en": "iAM Smart (Hong Kong)",
        "pt": "iAM Smart (Hong Kong)",
    }
    trust_framework = TRUST_FRAMEWORK
    evidence = EVIDENCE

    def __init__(
        self,
        provider: str,
        settings: IamSmartSettings,
        around: Surroundings,
        *,
        entropy: Entropy = os.urandom,
        mailbox: Mailbox | None = None,
    ) -> None:
        """Raises OSError or ValueError for key files that cannot be used."""
        self.provider = provider
        parts = urlsplit(settings.issuer)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        anchors = read_anchors(around.home / settings.signing_anchors if settings.signing_anchors else None)
        api = Api(settings, read_private_key(around.home / settings.private_key), around.fetch, entropy)
        business_ids = BusinessIds(settings.client_secret.get_secret_value())
        results = Results(api, anchors)
        self._login = Login(provider, settings, api)
        super().__init__(
            Shop(
                api=api,
                login=self._login,
                business_ids=business_ids,
                results=results,
                callbacks=Callbacks(api, business_ids, results),
                mailbox=mailbox or MemoryMailbox(),
                source=settings.source,
            )
        )

    def begin(self, start: LoginStart) -> Redirection:
        return self._login.begin(start)

    def state_of(self, answer: Mapping[str, str]) -> str | None:
        return answer.get("state")

    def finish(self, answer: Mapping[str, str], *, memory: bytes, redirect_uri: str, at: datetime) -> IdentityGrant:
        return self._login.finish(answer, at=at)

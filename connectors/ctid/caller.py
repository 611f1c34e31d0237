"""One signed request to the platform and its verified answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.ctid import package
from connectors.ctid.codes import code_in, meaning
from connectors.ctid.keys import CtidKeys
from connectors.ctid.package import Package, PackageError
from connectors.ctid.settings import CtidSettings
from connectors.fetch import Fetcher
from connectors.sm.errors import SmError


@dataclass(frozen=True)
class PlatformCaller:
    """Every request is signed by us; every answer must be signed by the platform, be fresh, and be a success."""

    settings: CtidSettings
    keys: CtidKeys
    fetch: Fetcher

    def ask(self, path: str, fields: Mapping[str, Any], *, at: datetime, again: bool = False) -> Package:
        """A success, verified; `again`: the request may be sent twice when no answer comes.

        1. an answer of HTTP with the two members;
        2. signed by the platform, with a certificate that is valid now;
        3. a success: anything else is the error its code means, a clock that is wrong among them;
        4. made just now, by a clock near ours.
        """
        url = f"{self.settings.platform}{path}"
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
        sent = package.write(fields, self.keys.sign)
        got = self.fetch.send("POST", url, headers=headers, content=sent, limit=package.MAX_BODY, idempotent=again)
        # (1)
        if got.status != 200:
            raise self.fail(ProviderFault.REFUSED, f"{path} answered {got.status}")
        try:
            answer = package.read(got.body)
            # (2)
            self.keys.verify(answer.sign, answer.raw, at=at)
            made = package.read_stamp(answer.fields.get("timeStamp"))
        except PackageError as error:
            raise self.fail(ProviderFault.GARBLED, f"{path}: {error}") from error
        except SmError as error:
            raise self.fail(ProviderFault.UNTRUSTED, f"{path}: {error}") from error
        # (3)
        if answer.fields.get("success") is not True:
            code = code_in(answer.fields.get("errorDesc"))
            found = meaning(code)
            raise ConnectorError(self.fetch.provider, found.fault, f"{path}: {found.text}", code=code)
        # (4)
        skew = timedelta(seconds=self.settings.clock_skew)
        there = self.time_there(at)
        # `at` is when the login's last leg began; it may take two exchanges.
        if not there - skew <= made <= there + skew + timedelta(seconds=2 * self.settings.exchange_timeout):
            raise self.fail(ProviderFault.UNTRUSTED, f"{path}: the answer was not made just now")
        return answer

    def time_there(self, at: datetime) -> datetime:
        """`at` by the platform's clock, as far as its answers have shown it."""
        return at + self.fetch.offset

    def must_echo(self, answer: Package, **expected: str) -> None:
        """Raises ConnectorError for an answer to another question."""
        for name, value in expected.items():
            if answer.fields.get(name) != value:
                raise self.fail(ProviderFault.UNTRUSTED, f"the answer is about another {name}")

    def fail(self, fault: ProviderFault, detail: str) -> ConnectorError:
        return ConnectorError(self.fetch.provider, fault, detail)

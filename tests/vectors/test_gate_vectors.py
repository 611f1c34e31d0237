"""A real gate, database and all, held to specs/vectors/lane.json and travel-pass.json."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from broker.wire.errors import WireError
from broker.wire.gate_api import CrossingMode, EpochSecret
from broker.wire.keys import LocalSigner
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse
from gate_client.broker_client import BrokerUnreachable
from gate_client.core.pass_check import CheckedPass, PassDenied, check_pass
from gate_client.database import open_database
from gate_client.stopwatch import Stopwatch
from gate_client.template_source import GateIdentity, NoTemplate, TemplateSource
from gate_client.trust_store import TrustStore
from tests.vectors.loader import LaneCase, lane_cases
from tests.vectors.world import claims_json


class CutLine:
    def release(self, signed_request: bytes) -> bytes:
        raise BrokerUnreachable("a vector has no broker")


def judge(case: LaneCase, folder: Path) -> tuple[Reason | None, dict[str, Any] | None]:
    """From the lists as fetched to the template as opened, the way a lane goes."""
    connection = open_database(folder / "gate.db")
    if case.trust_seen:
        connection.execute("INSERT INTO trust_list VALUES (1, ?, 0, x'')", (case.trust_seen,))
    trust = TrustStore(connection, case.root)
    try:
        trust.accept_trust_list(case.trust_list, at=case.at)
        if case.status_list is not None:
            number = 5  # every list of the vectors
            connection.execute("INSERT INTO status_lists VALUES (?, ?, 0, x'')", (number, case.status_seen))
            trust.accept_status_list(case.status_list, number, at=case.at)
        trust.keep_secrets(EpochSecret(day, secret, _far(case.at)) for day, secret in case.epoch_secrets.items())
        checked = check_pass(
            case.text,
            trust_list=trust.trust_list(at=case.at),
            list_of=lambda number: trust.status_list(number, at=case.at),
            expected_zone=case.zone,
            at=case.at,
        )
        _template(checked, trust, case.at)
    except PassDenied as error:
        return error.reasons[0], None
    except (WireError, NoTemplate) as error:
        return error.reason, None
    finally:
        connection.close()
    return None, claims_json(checked.travel_pass.claims)


def _template(checked: CheckedPass, trust: TrustStore, at: datetime) -> None:
    identity = GateIdentity("gate-1", checked.travel_pass.claims.zone, LocalSigner.generate(KeyUse.GATE))
    source = TemplateSource(identity, CutLine(), lambda epoch, at: trust.secret(epoch, at=at), lambda n: bytes(n))
    if checked.offline:
        assert source.obtain(checked, at=at, watch=Stopwatch()).mode is CrossingMode.OFFLINE


def _far(at: datetime) -> datetime:
    return at.replace(year=at.year + 1)


@pytest.mark.parametrize("case", lane_cases(), ids=str)
def test_gate(case: LaneCase, tmp_path: Path) -> None:
    assert judge(case, tmp_path) == (case.reason, case.claims)

"""Reads specs/vectors: data that the verifier, the gate and the wallet are all held to."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.wire.keys import PublicKey
from broker.wire.reasons import Reason
from broker.wire.registry import KeyUse

DIRECTORY = Path(__file__).parents[2] / "specs" / "vectors"


@dataclass(frozen=True)
class Case:
    """One vector: `input` as written, and either the `ok` it leads to or the `reason` it must be refused with."""

    layer: str
    name: str
    why: str
    input: dict[str, Any]
    ok: dict[str, Any] | None
    reason: Reason | None

    def octets(self, key: str) -> bytes:
        return bytes.fromhex(self.input[key])

    def moment(self, key: str = "at") -> datetime:
        return moment(self.input[key])

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


@dataclass(frozen=True)
class LaneCase:
    """A code held up to a gate, with everything that gate has on board. Run it from code text to template.

    `trust_list` and `status_list` are signed bytes as fetched; `*_seen` the versions the gate had accepted before.
    The outcome is `claims` (as `Case.ok`), or `reason`.
    """

    name: str
    text: str
    at: datetime
    zone: str
    root: PublicKey
    trust_list: bytes
    trust_seen: int
    status_list: bytes | None
    status_seen: int
    epoch_secrets: dict[int, bytes]
    claims: dict[str, Any] | None
    reason: Reason | None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def load(layer: str) -> list[Case]:
    """Return the cases of `specs/vectors/<layer>.json`; each input includes the file's `common` entries."""
    document = json.loads((DIRECTORY / f"{layer}.json").read_text(encoding="utf-8"))
    common = document.get("common", {})
    return [
        Case(
            layer,
            case["name"],
            case["why"],
            {**common, **case["input"]},
            case["expect"].get("ok"),
            Reason(case["expect"]["reason"]) if "reason" in case["expect"] else None,
        )
        for case in document["cases"]
    ]


def lane_cases() -> list[LaneCase]:
    """Return the whole-lane cases, typed."""
    return [
        LaneCase(
            name=case.name,
            text=case.input["text"],
            at=case.moment(),
            zone=case.input["zone"],
            root=PublicKey.from_cose_key(case.octets("root_key"), KeyUse.ROOT),
            trust_list=case.octets("trust_list"),
            trust_seen=case.input["trust_seen"],
            status_list=None if case.input["status_list"] is None else case.octets("status_list"),
            status_seen=case.input["status_seen"],
            epoch_secrets={int(day): bytes.fromhex(secret) for day, secret in case.input["epoch_secrets"].items()},
            claims=case.ok,
            reason=case.reason,
        )
        for case in load("lane")
    ]

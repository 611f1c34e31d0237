"""Writes specs/vectors. Every key and every random byte comes from a name, so the files come out the same each time.

Run `python -m tests.vectors.generate` after a deliberate change of format, and read the difference before keeping it.
"""

import json
from collections.abc import Iterable
from typing import Any

from tests.vectors import cases_codec, cases_lists, cases_pass, cases_template
from tests.vectors.loader import DIRECTORY

FORMAT = "tongguan/vectors/v1"


def documents() -> dict[str, str]:
    """Return the text of every vector file by layer."""
    layers: dict[str, tuple[dict[str, Any], Iterable[dict[str, Any]]]] = {
        "cbor": ({}, cases_codec.cbor_cases()),
        "base45": ({}, cases_codec.base45_cases()),
        "cose": ({}, cases_codec.cose_cases()),
        "qr": ({}, cases_codec.qr_cases()),
        "travel-pass": (cases_pass.COMMON, cases_pass.pass_cases()),
        "device-proof": (cases_pass.COMMON, cases_pass.proof_cases()),
        "trust-list": (cases_lists.TRUST_COMMON, cases_lists.trust_cases()),
        "status-list": (cases_lists.STATUS_COMMON, cases_lists.status_cases()),
        "sealed-template": ({}, cases_template.template_cases()),
        "gate-api": ({}, cases_template.gate_cases()),
        "merkle": ({}, cases_template.merkle_cases()),
        "lane": (cases_template.LANE_COMMON, cases_template.lane_cases()),
    }
    return {layer: _document(layer, common, list(cases)) for layer, (common, cases) in layers.items()}


def _document(layer: str, common: dict[str, Any], cases: list[dict[str, Any]]) -> str:
    document = {"format": FORMAT, "layer": layer, "common": common, "cases": cases}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def main() -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for layer, text in documents().items():
        (DIRECTORY / f"{layer}.json").write_text(text, encoding="utf-8")
        print(f"{layer}.json: {text.count(chr(34) + 'expect' + chr(34))} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()

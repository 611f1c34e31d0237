"""The conversation of a client with the test that drives it: one JSON object a line."""

import json
import sys
from typing import Any


def hear() -> dict[str, Any]:
    """What the test says next."""
    return dict(json.loads(sys.stdin.readline()))


def visit(url: str) -> str:
    """Have a person open `url`; returns the address at which their browser arrived at redirect_uri."""
    print(json.dumps({"visit": url}), flush=True)
    return str(hear()["arrived"])


def done(result: dict[str, Any]) -> None:
    print(json.dumps({"done": result}), flush=True)

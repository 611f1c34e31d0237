"""What goes into the wheel: the sources, and the wallet's pages although no repository holds them."""

from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from wallet_app.app import DIST

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_the_built_wallet_and_nothing_it_was_built_from() -> None:
    if not (DIST / "index.html").exists():
        pytest.skip("the wallet's pages are not built: make ui")
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {"broker/main.py", "wallet_app/app.py", "gate_client/data/models.toml"} <= files
    assert "wallet_app/ui/dist/index.html" in files
    assert any(name.startswith("wallet_app/ui/dist/assets/") for name in files)
    assert not [name for name in files if "node_modules" in name or name.startswith(("wallet_app/ui/src", "tests/"))]

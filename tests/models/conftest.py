"""The built models, made once and shared by every test process."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from gate_client.inference.build import build
from gate_client.inference.engine import FaceEngine, default_model_dir
from gate_client.inference.registry import load_registry


@pytest.fixture(scope="session")
def model_dir() -> Path:
    folder = default_model_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "test.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build(load_registry(folder), folder, progress=lambda _what, _done, _total: None)
    return folder


@pytest.fixture(scope="session")
def engine(model_dir: Path) -> FaceEngine:
    return FaceEngine.load(model_dir)

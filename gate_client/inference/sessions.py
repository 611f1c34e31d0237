"""onnxruntime sessions from files that match their pinned hash."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import onnxruntime

from gate_client.inference.registry import Registry


class ModelsMissing(RuntimeError):
    """A model file is absent or is not the file the registry pins; the message says what to do."""


def read_pinned(model_dir: Path, name: str, registry: Registry) -> bytes:
    """The bytes of a model file. Raises ModelsMissing where they are absent or differ from the pinned SHA-256."""
    path = model_dir / name
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ModelsMissing(f"{path} does not exist: run `tongguan models build`") from None
    found = hashlib.sha256(raw).hexdigest()
    if found != registry.files[name].sha256:
        raise ModelsMissing(f"{path} has SHA-256 {found}, the registry pins {registry.files[name].sha256}")
    return raw


def open_session(model: bytes, *, threads: int) -> Any:
    """A CPU session that uses at most `threads` threads and keeps them quiet between frames."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A lane shares its cores with the camera and the code reader: threads sleep instead of spinning for work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

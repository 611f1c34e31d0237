"""Each converted network against the published one in its own runtime: dlib, LiteRT, or plain numpy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gate_client.inference.golden import GoldenError, check_outputs, model_input
from gate_client.inference.registry import load_registry
from gate_client.inference.sessions import open_session, read_pinned
from tests.models.originals import INPUTS, dlib_embedding, litert_output, member_of, original_outputs


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_the_onnx_file_computes_what_the_original_computes(name: str, model_dir: Path) -> None:
    session = open_session(read_pinned(model_dir, name, load_registry()), threads=1)
    for output, expected in original_outputs(name).items():
        (found,) = session.run([output], {"input": model_input(INPUTS[name])})
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, float(np.abs(expected).max())))


def test_dlib_agrees_on_a_natural_picture(model_dir: Path) -> None:
    rng = np.random.default_rng(7)
    crop = np.clip(np.cumsum(rng.normal(0, 6, (150, 150, 3)), axis=0) + 128, 0, 255).astype(np.uint8)
    session = open_session(read_pinned(model_dir, "dlib-resnet-v1.onnx", load_registry()), threads=2)
    values = ((crop - np.array([122.782, 117.001, 104.298])) / 256).astype(np.float32).transpose(2, 0, 1)[None]
    found = session.run(["embedding"], {"input": values})[0][0]
    assert np.abs(found - dlib_embedding(member_of("dlib-resnet-v1.onnx"), crop)).max() < 2e-6


def test_litert_agrees_for_both_places_of_its_batch(model_dir: Path) -> None:
    values = np.random.default_rng(3).uniform(-1, 1, (2, 112, 112, 3)).astype(np.float32)
    session = open_session(read_pinned(model_dir, "mobilefacenet-192.onnx", load_registry()), threads=1)
    alone = np.concatenate([session.run(["embedding"], {"input": values[i : i + 1]})[0] for i in (0, 1)])
    original = litert_output(member_of("mobilefacenet-192.onnx"), values)
    assert np.abs(alone - original).max() < 1e-5 * np.abs(original).max()


def test_the_stored_outputs_are_those_of_the_originals() -> None:
    stored = json.loads(Path("gate_client/data/golden.json").read_text(encoding="utf-8"))
    assert set(stored) == set(INPUTS) == set(load_registry().files)
    for name, entry in stored.items():
        for output, values in original_outputs(name).items():
            kept = np.array(entry["outputs"][output]["values"])
            np.testing.assert_allclose(
                kept, values.reshape(-1)[:: entry["outputs"][output]["step"]], rtol=1e-4, atol=1e-5
            )


def test_verify_notices_a_model_that_computes_something_else(model_dir: Path, tmp_path: Path) -> None:
    """A file with a matching pin but other weights: what a wrong pin in the registry would let through."""
    import hashlib

    import onnx
    from onnx import numpy_helper

    model = onnx.load(model_dir / "mtcnn-rnet.onnx")
    first = model.graph.initializer[0]
    first.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(first) * np.float32(1.01), first.name))
    raw = model.SerializeToString()
    (tmp_path / "mtcnn-rnet.onnx").write_bytes(raw)
    registry = load_registry()
    pinned = registry.files["mtcnn-rnet.onnx"].model_copy(update={"sha256": hashlib.sha256(raw).hexdigest()})
    registry = registry.model_copy(update={"files": {**registry.files, "mtcnn-rnet.onnx": pinned}})
    with pytest.raises(GoldenError, match="differs from its original"):
        check_outputs(registry, tmp_path, "mtcnn-rnet.onnx")

"""An operator's own models by data alone: YuNet as the detector, any ONNX as the embedder."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from broker.wire.reasons import Reason
from gate_client.inference.build import BuildError, build, refuse_strangers
from gate_client.inference.engine import CaptureRefused, FaceEngine
from gate_client.inference.photograph import decode
from gate_client.inference.registry import load_registry
from gate_client.inference.sessions import ModelsMissing
from tests.support.photos import CUT_OFF, SHA256, photo

YUNET = Path("../shared/data/models/face_detection_yunet_2023mar.onnx")
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
SHIPPED = ("mtcnn-pnet.onnx", "mtcnn-rnet.onnx", "mtcnn-onet.onnx")


@pytest.fixture
def operator_dir(model_dir: Path, tmp_path: Path) -> Path:
    for name in load_registry().files:
        shutil.copy(model_dir / name, tmp_path / name)
    return tmp_path


def tiny_embedder() -> bytes:
    """ArcFace's interface (112 x 112, BGR, output "fc1") around one random projection of an 8 x 8 average."""
    weights = np.random.default_rng(5).normal(size=(3 * 14 * 14, 24)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["data"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["fc1"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, 112, 112])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, ["N", 24])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


EMBEDDER = """
version = 1
[default]
detector = "mtcnn"
embedders = ["vendor-24"]
[files."vendor.onnx"]
sha256 = "{sha256}"
[embedders.vendor-24]
file = "vendor.onnx"
licence = "vendor's"
licence_clean = true
dimension = {dimension}
side = 112
layout = "nchw"
colour = "bgr"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
input = "data"
output = "fc1"
landmarks = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
"""


def install(folder: Path, *, dimension: int = 24) -> str:
    raw = tiny_embedder()
    (folder / "vendor.onnx").write_bytes(raw)
    sha256 = hashlib.sha256(raw).hexdigest()
    (folder / "models.toml").write_text(EMBEDDER.format(sha256=sha256, dimension=dimension), encoding="utf-8")
    return sha256


def test_an_embedder_of_the_arcface_type_needs_only_its_description(operator_dir: Path) -> None:
    sha256 = install(operator_dir)
    engine = FaceEngine.load(operator_dir)
    assert engine.embedders == ("vendor-24",)
    assert engine.model_hashes["vendor.onnx"] == sha256
    capture = engine.capture(decode(photo("obama.jpg").read_bytes()))
    assert capture.embeddings["vendor-24"].shape == (24,)
    assert capture.aligned.shape == (112, 112, 3)


def test_its_input_is_what_the_description_says(operator_dir: Path) -> None:
    """The network is linear, so its output can be computed by hand from the crop."""
    install(operator_dir)
    capture = FaceEngine.load(operator_dir).capture(decode(photo("obama.jpg").read_bytes()))
    blocks = ((capture.aligned.astype(np.float64) - 127.5) / 127.5).reshape(14, 8, 14, 8, 3).mean(axis=(1, 3))
    weights = np.random.default_rng(5).normal(size=(3 * 14 * 14, 24)).astype(np.float32)
    expected = blocks.transpose(2, 0, 1).reshape(-1) @ weights
    np.testing.assert_allclose(capture.embeddings["vendor-24"], expected / np.linalg.norm(expected), atol=1e-5)


def test_a_description_that_is_wrong_about_the_network_is_noticed(operator_dir: Path) -> None:
    install(operator_dir, dimension=32)
    with pytest.raises(ModelsMissing, match="gives 24 values, the registry says 32"):
        FaceEngine.load(operator_dir)


def test_a_changed_file_is_not_loaded(operator_dir: Path) -> None:
    install(operator_dir)
    path = operator_dir / "vendor.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelsMissing, match="the registry pins"):
        FaceEngine.load(operator_dir)


def test_a_file_that_nobody_describes_is_refused(operator_dir: Path) -> None:
    (operator_dir / "stranger.onnx").write_bytes(b"?")
    with pytest.raises(BuildError, match=r"stranger\.onnx"):
        refuse_strangers(load_registry(operator_dir), operator_dir)
    with pytest.raises(BuildError, match=r"stranger\.onnx"):
        build(load_registry(operator_dir), operator_dir, progress=lambda _what, _done, _total: None)


def test_yunet_by_its_description(operator_dir: Path) -> None:
    if not YUNET.is_file() or hashlib.sha256(YUNET.read_bytes()).hexdigest() != YUNET_SHA256:
        pytest.skip(f"{YUNET} is not here or not the published file: no registry package carries YuNet")
    shutil.copy(YUNET, operator_dir / YUNET.name)
    (operator_dir / "models.toml").write_text(
        f"""
version = 1
[default]
detector = "yunet"
embedders = ["dlib-resnet-v1", "mobilefacenet-192"]
[files."{YUNET.name}"]
sha256 = "{YUNET_SHA256}"
[detectors.yunet]
kind = "yunet"
file = "{YUNET.name}"
licence = "MIT"
licence_clean = true
""",
        encoding="utf-8",
    )
    mtcnn = FaceEngine.load(None)
    yunet = FaceEngine.load(operator_dir)
    # The published file takes 640 x 640 only: we pad, OpenCV reshapes the network, so faces at the very edge differ.
    for name in sorted(set(SHA256) - set(CUT_OFF)):
        image = cv2.resize(decode(photo(name).read_bytes()), (480, 640), interpolation=cv2.INTER_AREA)
        opencv = cv2.FaceDetectorYN.create(str(YUNET), "", (480, 640), score_threshold=0.7, nms_threshold=0.3)
        rows = opencv.detect(image)[1]
        best = rows[np.argmax(rows[:, 2] * rows[:, 3])]
        found = yunet.analyse(image)[0]
        np.testing.assert_allclose(found.box, best[:4], atol=1.0, err_msg=name)
        np.testing.assert_allclose(found.landmarks.reshape(-1), best[4:14], atol=1.0, err_msg=name)
        assert abs(found.score - best[14]) < 0.01
    capture = yunet.capture(decode(photo("obama.jpg").read_bytes()))
    again = mtcnn.capture(decode(photo("obama2.jpg").read_bytes()))
    assert float(capture.embeddings["mobilefacenet-192"] @ again.embeddings["mobilefacenet-192"]) > 0.6
    with pytest.raises(CaptureRefused) as refused:
        yunet.capture(np.zeros((480, 640, 3), np.uint8))
    assert refused.value.reason is Reason.NO_FACE

"""What the published networks compute in their own runtimes: dlib, LiteRT, and MTCNN's layers in plain numpy.

`python -m tests.models.originals` writes gate_client/data/golden.json from these, never from our ONNX files.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gate_client.inference.engine import default_model_dir
from gate_client.inference.fetch import fetch, read_member
from gate_client.inference.golden import model_input, pattern
from gate_client.inference.registry import load_registry

Array = NDArray[np.float32]

MTCNN_INPUT = {"input": "input", "layout": "nchw", "mean": [127.5] * 3, "std": [128.0] * 3}
INPUTS: dict[str, dict[str, Any]] = {
    "mtcnn-pnet.onnx": {"shape": [1, 31, 44, 3], **MTCNN_INPUT},
    "mtcnn-rnet.onnx": {"shape": [3, 24, 24, 3], **MTCNN_INPUT},
    "mtcnn-onet.onnx": {"shape": [3, 48, 48, 3], **MTCNN_INPUT},
    "dlib-resnet-v1.onnx": {
        "shape": [1, 150, 150, 3],
        "input": "input",
        "layout": "nchw",
        "mean": [122.782, 117.001, 104.298],
        "std": [256.0] * 3,
    },
    "mobilefacenet-192.onnx": {
        "shape": [2, 112, 112, 3],
        "input": "input",
        "layout": "nhwc",
        "mean": [127.5] * 3,
        "std": [128.0] * 3,
    },
}


def member_of(name: str) -> bytes:
    """The published weights behind a model file, from the pinned archive."""
    registry = load_registry()
    file = registry.files[name]
    archive = fetch(registry.sources[str(file.source)], default_model_dir() / "sources")
    return read_member(archive, str(file.member), str(file.member_sha256))


def original_outputs(name: str) -> dict[str, Array]:
    """Outputs of the original network on the stored input, by the ONNX file's output names."""
    entry = INPUTS[name]
    match name:
        case "dlib-resnet-v1.onnx":
            return {"embedding": dlib_embedding(member_of(name), pattern(*entry["shape"])[0])[None]}
        case "mobilefacenet-192.onnx":
            return {"embedding": litert_output(member_of(name), model_input(entry))}
        case _:
            stage = {"mtcnn-pnet.onnx": pnet, "mtcnn-rnet.onnx": rnet, "mtcnn-onet.onnx": onet}[name]
            return stage(joblib_weights(member_of(name)), model_input(entry).transpose(0, 2, 3, 1))


def dlib_embedding(dat: bytes, rgb: NDArray[np.uint8]) -> Array:
    """(128,) of a 150 x 150 RGB crop."""
    import tempfile

    import dlib

    with tempfile.NamedTemporaryFile(suffix=".dat") as file:
        file.write(dat)
        file.flush()
        network = dlib.face_recognition_model_v1(file.name)
    return np.array(network.compute_face_descriptor(np.ascontiguousarray(rgb)), np.float32)


def litert_output(model: bytes, values: Array) -> Array:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def joblib_weights(raw: bytes) -> list[Array]:
    """Read as the package itself does. Only here, on bytes whose hash is pinned: joblib runs what a pickle says."""
    import joblib

    return list(joblib.load(io.BytesIO(raw)))


def conv(x: Array, kernel: Array, bias: Array) -> Array:
    """x (n,h,w,c), kernel (kh,kw,c,o), no padding, stride 1."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.asarray(np.einsum("nyxcij,ijco->nyxo", windows, kernel, optimize=True) + bias)


def prelu(x: Array, slope: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + slope * np.minimum(x, 0))


def pool(x: Array, size: int, *, same: bool) -> Array:
    """Maximum over windows with stride 2; "same" as TensorFlow pads it: more at the end."""
    if same:
        pads = []
        for side in x.shape[1:3]:
            total = max((-(-side // 2) - 1) * 2 + size - side, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2)).max(axis=(4, 5))[:, ::2, ::2]


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def flat(x: Array) -> Array:
    """(width, height, channel) order, as the package flattens."""
    return x.transpose(0, 2, 1, 3).reshape(len(x), -1)


def pnet(w: list[Array], x: Array) -> dict[str, Array]:
    x = pool(prelu(conv(x, w[0], w[1]), w[2]), 2, same=True)
    x = prelu(conv(prelu(conv(x, w[3], w[4]), w[5]), w[6], w[7]), w[8])
    probability, offsets = softmax(conv(x, w[11], w[12])), conv(x, w[9], w[10])
    return {"probability": probability.transpose(0, 3, 1, 2), "offsets": offsets.transpose(0, 3, 1, 2)}


def rnet(w: list[Array], x: Array) -> dict[str, Array]:
    x = pool(prelu(conv(x, w[0], w[1]), w[2]), 3, same=True)
    x = pool(prelu(conv(x, w[3], w[4]), w[5]), 3, same=False)
    x = prelu(flat(prelu(conv(x, w[6], w[7]), w[8])) @ w[9] + w[10], w[11])
    return {"probability": softmax(x @ w[14] + w[15]), "offsets": x @ w[12] + w[13]}


def onet(w: list[Array], x: Array) -> dict[str, Array]:
    x = pool(prelu(conv(x, w[0], w[1]), w[2]), 3, same=True)
    x = pool(prelu(conv(x, w[3], w[4]), w[5]), 3, same=False)
    x = pool(prelu(conv(x, w[6], w[7]), w[8]), 2, same=True)
    x = prelu(flat(prelu(conv(x, w[9], w[10]), w[11])) @ w[12] + w[13], w[14])
    return {
        "probability": softmax(x @ w[19] + w[20]),
        "offsets": x @ w[15] + w[16],
        "landmarks": x @ w[17] + w[18],
    }


def golden() -> dict[str, Any]:
    """The content of golden.json. At most about 200 values of each output, evenly taken."""
    stored: dict[str, Any] = {}
    for name, entry in INPUTS.items():
        outputs = {}
        for output, values in original_outputs(name).items():
            step = max(1, values.size // 200)
            outputs[output] = {"step": step, "values": [float(f"{v:.7g}") for v in values.reshape(-1)[::step]]}
        stored[name] = {**entry, "outputs": outputs}
    return stored


if __name__ == "__main__":
    target = Path("gate_client/data/golden.json")
    target.write_text(json.dumps(golden(), indent=None, separators=(", ", ": ")).replace('"mtcnn', '\n"mtcnn') + "\n")
    print(f"written: {target}")

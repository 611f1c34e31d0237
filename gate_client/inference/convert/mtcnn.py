"""MTCNN's three networks from the weights of the `mtcnn` package (lz4-compressed joblib pickles of float32 arrays).

A pickle can run code. These are pinned by SHA-256 before they get here, and are still read by an unpickler that admits
float32 arrays and nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import lz4.frame
import numpy as np
import onnx
from numpy.typing import NDArray

from gate_client.inference.convert.graph import Graph

Float32 = NDArray[np.float32]
_Unpickler: Any = pickle._Unpickler
"""The pure-Python unpickler, whose BUILD can be extended; the type stubs do not name it."""

MAX_UNPACKED = 16 * 1024 * 1024
"""Ten times the largest of the three; what lies beyond is not read, so that it cannot fill the memory."""


class WeightsError(ValueError):
    """The weights are not the plain list of arrays this converter reads."""


class _Placeholder:
    """Stands in for joblib's array wrapper; takes its fields and has no behaviour."""

    shape: tuple[int, ...]
    order: str

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.shape = tuple(int(n) for n in state["shape"])
        self.order = str(state["order"])
        self.dtype = state["dtype"]
        self.alignment = int(state.get("numpy_array_alignment_bytes", 0))


class _NdArray:
    """Stands in for the class `numpy.ndarray`, which the pickle only names."""


class _Float32:
    """Stands in for `numpy.dtype`: accepts little-endian float32 and nothing else."""

    def __init__(self, code: str, align: bool, copy: bool) -> None:
        if code != "f4":
            raise WeightsError(f"weights of type {code!r}, expected f4")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise WeightsError(f"weights of byte order {state[1]!r}, expected '<'")


class _ArraysOnly(_Unpickler):  # type: ignore[misc]
    """joblib writes each array's bytes into the stream right after the wrapper's BUILD opcode."""

    _ADMITTED: ClassVar[dict[tuple[str, str], type]] = {
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Placeholder,
        ("numpy", "ndarray"): _NdArray,
        ("numpy", "dtype"): _Float32,
    }

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(_Unpickler.dispatch)

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._stream = stream

    def find_class(self, module: str, name: str) -> type:
        try:
            return self._ADMITTED[module, name]
        except KeyError:
            raise WeightsError(f"the weights name {module}.{name}, which is not an array") from None

    def persistent_load(self, pid: object) -> NoReturn:
        raise WeightsError("the weights refer to something outside themselves")

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _Placeholder):
            self.stack[-1] = self._read_array(self.stack[-1])

    dispatch[pickle.BUILD[0]] = load_build

    def _read_array(self, wrapper: _Placeholder) -> Float32:
        if wrapper.order != "C":
            raise WeightsError("the weights are not in row order")
        if wrapper.alignment:
            self._stream.read(self._stream.read(1)[0])
        count = int(np.prod(wrapper.shape, dtype=np.int64))
        raw = self._stream.read(4 * count)
        if len(raw) != 4 * count:
            raise WeightsError("the weights end early")
        return np.frombuffer(raw, "<f4").reshape(wrapper.shape)


def read_weights(raw: bytes) -> list[Float32]:
    """The arrays of one network in the order of its layers. Raises WeightsError."""
    try:
        with lz4.frame.open(io.BytesIO(raw)) as packed:
            unpacked = packed.read(MAX_UNPACKED)
        arrays = _ArraysOnly(io.BytesIO(unpacked)).load()
    except WeightsError:
        raise
    except Exception as error:  # the pickle machinery raises almost anything on damaged input
        raise WeightsError(f"the weights cannot be read: {error}") from error
    if not isinstance(arrays, list) or not all(isinstance(a, np.ndarray) for a in arrays):
        raise WeightsError("the weights are not a list of arrays")
    return arrays


class _Layers:
    """Consumes the arrays in order and appends the matching operators."""

    def __init__(self, arrays: list[Float32]) -> None:
        self.graph = Graph()
        self._arrays = iter(arrays)

    def conv(self, x: str, *, prelu: bool = True) -> str:
        kernel, bias = next(self._arrays), next(self._arrays)
        x = self.graph.node("Conv", [x, self.graph.weight(kernel.transpose(3, 2, 0, 1)), self.graph.weight(bias)])
        return self._prelu(x, (-1, 1, 1)) if prelu else x

    def dense(self, x: str, *, prelu: bool = False, output: str | None = None) -> str:
        kernel, bias = next(self._arrays), next(self._arrays)
        x = self.graph.node("Gemm", [x, self.graph.weight(kernel), self.graph.weight(bias)], output=output)
        return self._prelu(x, (-1,)) if prelu else x

    def _prelu(self, x: str, shape: tuple[int, ...]) -> str:
        return self.graph.node("PRelu", [x, self.graph.weight(next(self._arrays).reshape(shape))])

    def pool(self, x: str, size: int, *, same: bool) -> str:
        return self.graph.node(
            "MaxPool", [x], kernel_shape=[size, size], strides=[2, 2], auto_pad="SAME_UPPER" if same else "VALID"
        )

    def flatten(self, x: str) -> str:
        """The package flattens (width, height, channel): NCHW -> NWHC first."""
        return self.graph.node("Flatten", [self.graph.node("Transpose", [x], perm=[0, 3, 2, 1])])

    def finished(self) -> None:
        if next(self._arrays, None) is not None:
            raise WeightsError("the weights hold more layers than the network")


def convert_pnet(raw: bytes) -> onnx.ModelProto:
    """Proposal network: (N,3,H,W) -> face probability (N,2,h,w) and box offsets (N,4,h,w), cell 12 px, stride 2."""
    layers = _Layers(read_weights(raw))
    x = layers.pool(layers.conv("input"), 2, same=True)
    x = layers.conv(layers.conv(x))
    offsets = layers.conv(x, prelu=False)
    layers.graph.node("Identity", [offsets], output="offsets")
    layers.graph.node("Softmax", [layers.conv(x, prelu=False)], output="probability", axis=1)
    layers.finished()
    return layers.graph.model(
        "mtcnn_pnet", {"input": ["N", 3, "H", "W"]}, {"probability": ["N", 2, "h", "w"], "offsets": ["N", 4, "h", "w"]}
    )


def convert_rnet(raw: bytes) -> onnx.ModelProto:
    """Refinement network: (N,3,24,24) -> probability (N,2) and box offsets (N,4)."""
    layers = _Layers(read_weights(raw))
    x = layers.pool(layers.conv("input"), 3, same=True)
    x = layers.pool(layers.conv(x), 3, same=False)
    x = layers.dense(layers.flatten(layers.conv(x)), prelu=True)
    layers.dense(x, output="offsets")
    layers.graph.node("Softmax", [layers.dense(x)], output="probability", axis=1)
    layers.finished()
    return layers.graph.model("mtcnn_rnet", {"input": ["N", 3, 24, 24]}, {"probability": ["N", 2], "offsets": ["N", 4]})


def convert_onet(raw: bytes) -> onnx.ModelProto:
    """Output network: (N,3,48,48) -> probability (N,2), box offsets (N,4) and landmarks (N,10: five x, five y)."""
    layers = _Layers(read_weights(raw))
    x = layers.pool(layers.conv("input"), 3, same=True)
    x = layers.pool(layers.conv(x), 3, same=False)
    x = layers.pool(layers.conv(x), 2, same=True)
    x = layers.dense(layers.flatten(layers.conv(x)), prelu=True)
    layers.dense(x, output="offsets")
    layers.dense(x, output="landmarks")
    layers.graph.node("Softmax", [layers.dense(x)], output="probability", axis=1)
    layers.finished()
    return layers.graph.model(
        "mtcnn_onet",
        {"input": ["N", 3, 48, 48]},
        {"probability": ["N", 2], "offsets": ["N", 4], "landmarks": ["N", 10]},
    )

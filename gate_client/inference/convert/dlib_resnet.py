"""dlib's face recognition network from its `.dat` stream, without dlib.

The stream (dlib's serialize.h, dnn/layers.h): integers are a control byte (low nibble: byte count, bit 7: sign) and
little-endian magnitude; floats are an integer mantissa and an integer power of two; tensors are version 2, four
dimensions and raw little-endian float32. Layers are written from input to output, so reading tag by tag gives them in
forward order. Each affine layer is folded into the convolution before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from gate_client.inference.convert.graph import Graph

Float32 = NDArray[np.float32]
SIDE = 150
_TAGS = (b"con_4", b"affine_", b"fc_2", b"max_pool_2", b"avg_pool_2", b"relu_", b"add_prev_")


class DatError(ValueError):
    """The file is not the network this converter knows."""


class _Stream:
    def __init__(self, raw: bytes, position: int) -> None:
        self.raw = raw
        self.position = position

    def integer(self) -> int:
        if self.position >= len(self.raw):
            raise DatError("the stream ends inside an integer")
        control = self.raw[self.position]
        length = control & 0x0F
        if not 1 <= length <= 8:
            raise DatError(f"control byte {control:#x} at {self.position}")
        start = self.position + 1
        self.position = start + length
        magnitude = int.from_bytes(self.raw[start : self.position], "little")
        return -magnitude if control & 0x80 else magnitude

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def text(self) -> str:
        length = self.integer()
        start = self.position
        self.position += length
        return self.raw[start : self.position].decode("ascii", "replace")

    def tensor(self) -> Float32:
        if self.integer() != 2:
            raise DatError("tensor version is not 2")
        shape = self.integers(4)
        count = math.prod(shape)
        if min(shape) < 0 or self.position + 4 * count > len(self.raw):
            raise DatError(f"tensor of shape {shape} does not fit the stream")
        values = np.frombuffer(self.raw, "<f4", count, self.position)
        self.position += 4 * count
        return values

    def view(self) -> list[int]:
        """The shape of a part of the layer's parameters (dlib: alias_tensor)."""
        if self.integer() != 1:
            raise DatError("alias tensor version is not 1")
        return self.integers(4)


@dataclass(frozen=True)
class Layer:
    kind: str
    kernel: Float32 | None = None
    bias: Float32 | None = None
    stride: int = 1
    padding: int = 0
    window: int = 0


def read_layers(raw: bytes) -> list[Layer]:
    """Every layer after the input, in forward order. Raises DatError."""
    layers: list[Layer] = []
    position = raw.find(b"input_rgb_image_sized")
    if position < 0:
        raise DatError("no 150 x 150 RGB input layer")
    while True:
        found = [(raw.find(bytes([1, len(tag)]) + tag, position), tag) for tag in _TAGS]
        present = [entry for entry in found if entry[0] >= 0]
        if not present:
            return layers
        start, tag = min(present)
        stream = _Stream(raw, start)
        stream.text()
        layers.append(_read_layer(tag, stream))
        position = stream.position


def _read_layer(tag: bytes, stream: _Stream) -> Layer:
    match tag:
        case b"con_4":
            values = stream.tensor()
            _filters, _rows, _columns, stride, _stride_x, padding, _padding_x = stream.integers(7)
            shape = stream.view()
            stream.view()
            size = math.prod(shape)
            return Layer("con", values[:size].reshape(shape), values[size : size + shape[0]], stride, padding)
        case b"affine_":
            values = stream.tensor()
            size = math.prod(stream.view())
            return Layer("affine", values[:size], values[size : 2 * size])
        case b"fc_2":
            outputs, inputs = stream.integers(2)
            return Layer("fc", stream.tensor()[: inputs * outputs].reshape(inputs, outputs))
        case b"max_pool_2" | b"avg_pool_2":
            window, _window_x, stride, _stride_x, padding, _padding_x = stream.integers(6)
            return Layer(tag[:3].decode() + "_pool", window=window, stride=stride, padding=padding)
        case _:
            return Layer(tag.decode().rstrip("_"))


class _Network:
    """Walks the layers and keeps the side and channel count of the current tensor, which add_prev needs."""

    def __init__(self, layers: list[Layer]) -> None:
        self.graph = Graph()
        self._layers = layers
        self._next = 0

    def peek(self) -> str:
        return self._layers[self._next].kind if self._next < len(self._layers) else "end"

    def take(self, kind: str) -> Layer:
        if self.peek() != kind:
            raise DatError(f"layer {self._next} is {self.peek()}, expected {kind}")
        self._next += 1
        return self._layers[self._next - 1]

    def conv(self, x: _Tensor) -> tuple[_Tensor, int]:
        con, affine = self.take("con"), self.take("affine")
        assert con.kernel is not None and con.bias is not None  # noqa: S101 (set together by _read_layer)
        assert affine.kernel is not None and affine.bias is not None  # noqa: S101
        gain = affine.kernel
        kernel = con.kernel * gain[:, None, None, None]
        bias = con.bias * gain + affine.bias
        name = self.graph.node(
            "Conv",
            [x.name, self.graph.weight(kernel), self.graph.weight(bias)],
            strides=[con.stride] * 2,
            pads=[con.padding] * 4,
        )
        side = (x.side + 2 * con.padding - kernel.shape[2]) // con.stride + 1
        return _Tensor(name, side, kernel.shape[0]), con.stride

    def relu(self, x: _Tensor) -> _Tensor:
        self.take("relu")
        return _Tensor(self.graph.node("Relu", [x.name]), x.side, x.channels)

    def pool(self, x: _Tensor, operator: str, kind: str) -> _Tensor:
        layer = self.take(kind)
        attributes: dict[str, Any] = {
            "kernel_shape": [layer.window] * 2,
            "strides": [layer.stride] * 2,
            "pads": [layer.padding] * 4,
        }
        side = (x.side + 2 * layer.padding - layer.window) // layer.stride + 1
        return _Tensor(self.graph.node(operator, [x.name], **attributes), side, x.channels)

    def add(self, x: _Tensor, shortcut: _Tensor) -> _Tensor:
        """dlib's add_prev: the smaller tensor is zero-padded at the bottom, the right and in channels."""
        self.take("add_prev")
        side, channels = max(x.side, shortcut.side), max(x.channels, shortcut.channels)
        padded = [self._pad(tensor, side, channels) for tensor in (x, shortcut)]
        return _Tensor(self.graph.node("Add", padded), side, channels)

    def _pad(self, x: _Tensor, side: int, channels: int) -> str:
        if (x.side, x.channels) == (side, channels):
            return x.name
        grow = side - x.side
        pads = np.array([0, 0, 0, 0, 0, channels - x.channels, grow, grow], np.int64)
        return self.graph.node("Pad", [x.name, self.graph.weight(pads)], mode="constant")


@dataclass(frozen=True)
class _Tensor:
    name: str
    side: int
    channels: int


def convert(raw: bytes) -> onnx.ModelProto:
    """(N,3,150,150) RGB, already (pixel - mean) / 256 -> embedding (N,128), not normalised. Raises DatError."""
    network = _Network(read_layers(raw))
    x, _ = network.conv(_Tensor("input", SIDE, 3))
    x = network.pool(network.relu(x), "MaxPool", "max_pool")
    while network.peek() == "con":
        shortcut = x
        x, stride = network.conv(x)
        x, _ = network.conv(network.relu(x))
        if stride == 2:
            shortcut = network.pool(shortcut, "AveragePool", "avg_pool")
        x = network.relu(network.add(x, shortcut))
    network.take("avg_pool")
    pooled = network.graph.node("Flatten", [network.graph.node("GlobalAveragePool", [x.name])])
    dense = network.take("fc").kernel
    assert dense is not None  # noqa: S101 (set by _read_layer)
    network.graph.node("MatMul", [pooled, network.graph.weight(dense)], output="embedding")
    if network.peek() != "end":
        raise DatError(f"unexpected {network.peek()} after the embedding")
    return network.graph.model("dlib_resnet_v1", {"input": ["N", 3, SIDE, SIDE]}, {"embedding": ["N", dense.shape[1]]})

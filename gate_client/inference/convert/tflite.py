"""A float32 convolutional network from TensorFlow Lite's flatbuffer, for the operators that face embedders use.

TFLite keeps tensors NHWC; each convolution is wrapped in two transposes, which onnxruntime removes again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray

from gate_client.inference.convert.graph import Dimension, Graph

_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_BINARY = {"ADD": ("Add", tflite.AddOptions), "SUB": ("Sub", tflite.SubOptions), "MUL": ("Mul", tflite.MulOptions)}
_UNARY = {"ABS": "Abs", "RELU": "Relu"}
_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}


class TfliteError(ValueError):
    """The file is not a network this converter can express."""


class _Converter:
    def __init__(self, raw: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(raw, 0)
        if self.model.SubgraphsLength() != 1:
            raise TfliteError("expected one subgraph")
        self.source = self.model.Subgraphs(0)
        self.graph = Graph()
        self.shapes: list[list[int]] = []
        self.constants: dict[int, NDArray[Any]] = {}
        self._stored: dict[int, str] = {}
        for index in range(self.source.TensorsLength()):
            tensor = self.source.Tensors(index)
            shape = [int(n) for n in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []
            self.shapes.append(shape)
            buffer = self.model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                if tensor.Type() not in _TYPES:
                    raise TfliteError(f"tensor {index} has type {tensor.Type()}")
                self.constants[index] = buffer.DataAsNumpy().view(_TYPES[tensor.Type()]).reshape(shape)

    def value(self, index: int) -> str:
        if index not in self.constants:
            return f"t{index}"
        if index not in self._stored:
            self._stored[index] = self.graph.weight(self.constants[index].astype(np.float32))
        return self._stored[index]

    def operator(self, operator: Any) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        name = _OPERATORS.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "?")
        inputs = [int(index) for index in operator.InputsAsNumpy()]
        output = int(operator.Outputs(0))
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self._convolution(operator, inputs, output, depthwise=name.startswith("DEPTHWISE"))
        elif name in _BINARY:
            kind, options = _BINARY[name]
            result = self.graph.node(kind, [self.value(inputs[0]), self.value(inputs[1])])
            self._activate(result, _options(operator, options).FusedActivationFunction(), output)
        elif name in _UNARY:
            self.graph.node(_UNARY[name], [self.value(inputs[0])], output=f"t{output}")
        elif name == "RESHAPE":
            shape = self.graph.weight(np.array([-1, *self.shapes[output][1:]], np.int64))
            self.graph.node("Reshape", [self.value(inputs[0]), shape], output=f"t{output}")
        else:
            raise TfliteError(f"operator {name} is not supported")

    def _convolution(self, operator: Any, inputs: list[int], output: int, *, depthwise: bool) -> None:
        options = _options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        kernel = self.constants[inputs[1]].astype(np.float32)
        # TFLite: (out, h, w, in), depthwise (1, h, w, out). ONNX: (out, in, h, w), depthwise (out, 1, h, w).
        kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
        operands = [self.graph.node("Transpose", [self.value(inputs[0])], perm=[0, 3, 1, 2]), self.graph.weight(kernel)]
        if len(inputs) > 2 and inputs[2] >= 0:
            operands.append(self.value(inputs[2]))
        result = self.graph.node(
            "Conv",
            operands,
            strides=[options.StrideH(), options.StrideW()],
            dilations=[options.DilationHFactor(), options.DilationWFactor()],
            group=self.shapes[inputs[0]][3] if depthwise else 1,
            auto_pad="SAME_UPPER" if options.Padding() == tflite.Padding.SAME else "VALID",
        )
        result = self.graph.node("Transpose", [result], perm=[0, 2, 3, 1])
        self._activate(result, options.FusedActivationFunction(), output)

    def _activate(self, x: str, function: int, output: int) -> None:
        match function:
            case tflite.ActivationFunctionType.NONE:
                self.graph.node("Identity", [x], output=f"t{output}")
            case tflite.ActivationFunctionType.RELU:
                self.graph.node("Relu", [x], output=f"t{output}")
            case tflite.ActivationFunctionType.RELU6:
                bounds = [self.graph.weight(np.array(bound, np.float32)) for bound in (0, 6)]
                self.graph.node("Clip", [x, *bounds], output=f"t{output}")
            case _:
                raise TfliteError(f"fused activation {function} is not supported")

    def named(self, index: int, name: str, *, inward: bool) -> list[Dimension]:
        """Give a graph input or output its public name; the batch dimension becomes free."""
        pair = ([name], f"t{index}") if inward else ([f"t{index}"], name)
        self.graph.node("Identity", pair[0], output=pair[1])
        return ["N", *self.shapes[index][1:]]


def _options(operator: Any, kind: Any) -> Any:
    table = operator.BuiltinOptions()
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return options


def convert(raw: bytes) -> onnx.ModelProto:
    """input (N,H,W,3), already normalised -> embedding (N,D), not normalised. Raises TfliteError."""
    converter = _Converter(raw)
    inputs, outputs = converter.source.InputsAsNumpy(), converter.source.OutputsAsNumpy()
    if len(inputs) != 1 or len(outputs) != 1:
        raise TfliteError("expected one input and one output")
    input_shape = converter.named(int(inputs[0]), "input", inward=True)
    for index in range(converter.source.OperatorsLength()):
        converter.operator(converter.source.Operators(index))
    output_shape = converter.named(int(outputs[0]), "embedding", inward=False)
    return converter.graph.model("tflite", {"input": input_shape}, {"embedding": output_shape})

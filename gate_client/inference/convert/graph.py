"""A small builder for ONNX graphs that serialise alike on every machine, so that the result can be pinned by hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8

Dimension = int | str
"""A fixed size, or the name of a free one ("N" is the batch)."""


@dataclass
class Graph:
    """Nodes and weights in the order they were added; names follow that order and carry no meaning."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def weight(self, values: NDArray[Any]) -> str:
        """Store a tensor in the file and return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Append one operator with one output and return the output's name."""
        name = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def model(
        self, name: str, inputs: dict[str, list[Dimension]], outputs: dict[str, list[Dimension]]
    ) -> onnx.ModelProto:
        """Close the graph and check it. Every input and output is float32."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in outputs.items()],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tongguan")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

"""A small builder of ONNX graphs whose bytes depend only on what is built.

Belongs here: names, constants, the model around the nodes. Does not belong here: any model family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSET, ML_OPSET, IR = 18, 5, 9
"""ai.onnx.ml 5 is the first with trees that compare and add in double precision."""
ML = "ai.onnx.ml"


class Graph:
    """An ONNX graph under construction; names are numbers in the order of calls."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        from onnx import TensorProto, helper

        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        kinds = {
            name: TensorProto.STRING if kind == "category" else TensorProto.DOUBLE
            for name, kind in columns.items()
        }
        self._inputs = [
            helper.make_tensor_value_info(name, kind, ["rows", 1]) for name, kind in kinds.items()
        ]
        self._taken = set(columns)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self._add(kind, inputs, "", attributes)

    def ml(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of the machine-learning domain and return its output's name."""
        return self._add(kind, inputs, ML, attributes)

    def constant(self, value: NDArray[Any] | float | list[Any]) -> str:
        """Add a constant (floats as float64, whole numbers as int64) and return its name."""
        from onnx import numpy_helper

        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def named(self, name: str, tensor: str) -> None:
        """Give a tensor a name of its own, as if it were an input."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [tensor], [name], name=self._name("named")))
        self._taken.add(name)

    def rows(self) -> str:
        """Return the shape (n,) of the batch, for values that are the same in every row."""
        return self.op("Shape", self._inputs[0].name, start=0, end=1)

    def model(self, output: str, width: int, metadata: Mapping[str, str]) -> bytes:
        """Return the model whose output is `prediction`: (n,), or (n, width) where width > 0."""
        import onnx
        from onnx import TensorProto, helper

        wanted = "prediction"
        while wanted in self._taken:
            wanted += "_"
        self._nodes.append(helper.make_node("Identity", [output], [wanted], name="/output"))
        shape: list[str | int | None] = ["rows", width] if width else ["rows"]
        outputs = [helper.make_tensor_value_info(wanted, TensorProto.DOUBLE, shape)]
        graph = helper.make_graph(self._nodes, "model", self._inputs, outputs, self._constants)
        model = helper.make_model(
            graph,
            producer_name="ml_assets",
            ir_version=IR,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        )
        helper.set_model_props(model, dict(sorted(metadata.items())))
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _add(
        self, kind: str, inputs: tuple[str, ...], domain: str, attributes: Mapping[str, Any]
    ) -> str:
        from onnx import helper

        name = self._name(kind)
        node = helper.make_node(
            kind, list(inputs), [name], name=name, domain=domain, **dict(sorted(attributes.items()))
        )
        self._nodes.append(node)
        return name

    def _name(self, kind: str) -> str:
        # No column's name starts with a slash and ends in such a number by accident.
        return f"/{kind}/{len(self._nodes) + len(self._constants)}"

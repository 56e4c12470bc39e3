"""The outside witness: LiteRT's reference kernels (OpResolverType.BUILTIN_REF), from whichever package is installed.

LiteRT's default kernels (XNNPACK) differ from its reference kernels by several units on most int8 models, so they are
never used here.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from tinyml.errors import UsageError
from tinyml.importers import importer_of
from tinyml.ir import Graph
from tinyml.reference import run_graph

# the maintained package first, then its predecessor, then the whole of TensorFlow
_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")


def find_litert() -> ModuleType | None:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


@dataclass(frozen=True)
class WitnessResult:
    outputs: list[np.ndarray]
    tensors: dict[int, np.ndarray]  # by tensor id; empty unless asked for


class Reference:
    """The operators' own references, for files that LiteRT does not read; with the interface of Witness. They are not an outside
    witness: that one is what each operator's reference is tested against."""

    package = "reference"
    title = "the operators' references"

    def __init__(self, graph: Graph):
        self._graph = graph

    def run(self, inputs: list[np.ndarray], wanted: tuple[int, ...] = ()) -> WitnessResult:
        values = run_graph(self._graph, inputs)
        return WitnessResult([values[t] for t in self._graph.outputs], {t: values[t] for t in wanted})


def choose_witness(model: bytes, name: str, source: Graph, layers: bool) -> Witness | Reference:
    """LiteRT for a file that it reads, else the references. source: the graph as imported."""
    return Witness(model, layers) if importer_of(model, name).litert else Reference(source)


class Witness:
    """One model loaded into LiteRT's reference interpreter. `layers`: keep every intermediate tensor."""

    def __init__(self, model: bytes, layers: bool = False):
        module = find_litert()
        if module is None:
            raise UsageError(
                "LiteRT", "no interpreter to compare with is installed", "run: pip install 'tinyml[verify]'", stage="verify"
            )
        self.package = module.__name__.split(".")[0]
        self.title = f"{self.package} BUILTIN_REF"
        self._it = module.Interpreter(
            model_content=model, num_threads=1, experimental_preserve_all_tensors=layers,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF,
        )  # fmt: skip
        self._it.allocate_tensors()
        self._layers = layers

    def _details(self, inputs: bool) -> list[dict[str, Any]]:
        return self._it.get_input_details() if inputs else self._it.get_output_details()

    def run(self, inputs: list[np.ndarray], wanted: tuple[int, ...] = ()) -> WitnessResult:
        """One inference. inputs: arrays of the model's input shapes and dtypes. wanted: tensor ids (needs layers)."""
        for d, x in zip(self._details(True), inputs, strict=True):
            self._it.set_tensor(d["index"], x)
        self._it.invoke()
        outputs = [self._it.get_tensor(d["index"]).copy() for d in self._details(False)]
        return WitnessResult(outputs, {t: self._it.get_tensor(t).copy() for t in wanted} if self._layers else {})

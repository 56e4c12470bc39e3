"""The invariants of every graph between two stages; run after the importer and after each pass."""

from __future__ import annotations

from typing import NoReturn

from tinyml.errors import InternalError
from tinyml.ir import Graph, NodeView, Tensor
from tinyml.numerics import INTEGERS, RANGE
from tinyml.opspec import Malformed, Reject, load_ops


def verify(graph: Graph, stage: str = "import") -> None:
    """Raises InternalError, naming `stage` and the place, unless:

    every id that is used exists and is its tensor's own; every tensor is constant, a graph input or written by exactly
    one node, before it is read; no node writes what it reads; declared shapes equal inferred ones and types are built;
    constants have their tensor's shape and type; int8 tensors are quantised, activations with one scale.
    """

    def fail(place: str, what: str) -> NoReturn:
        raise InternalError(place, what, f"stage {stage} left an inconsistent graph", stage=stage)

    def look_up(place: str, t: int) -> Tensor:
        tensor = graph.tensors.get(t)
        if tensor is None:
            fail(place, f"tensor {t} does not exist")
        return tensor

    for key, t in graph.tensors.items():
        place = f"tensor {key} '{t.name}'"
        if t.id != key:
            fail(place, f"is filed under its id, but says it is {t.id}")
        if any(d <= 0 for d in t.shape):
            fail(place, f"shape {list(t.shape)} has a dimension that is not positive")
        if t.data is not None and (t.data.shape != t.shape or t.data.dtype != t.dtype.numpy):
            fail(place, f"data is {t.data.dtype} {list(t.data.shape)}, the tensor {t.dtype.value} {list(t.shape)}")
        if t.data is not None and t.dtype.packed and t.elements and not RANGE[t.dtype][0] <= t.data.min() <= t.data.max() <= RANGE[t.dtype][1]:
            fail(place, f"values {t.data.min()} to {t.data.max()} do not fit {t.dtype.value}")
        if t.quant is not None and len(t.quant.scale) != len(t.quant.zero_point):
            fail(place, f"{len(t.quant.scale)} scales with {len(t.quant.zero_point)} zero points")
        if t.quant is not None and t.quant.per_channel:
            if t.data is None:
                fail(place, "activations are quantised per channel")
            if not 0 <= t.quant.axis < len(t.shape) or t.shape[t.quant.axis] != len(t.quant.scale):
                fail(place, f"{len(t.quant.scale)} scales along dimension {t.quant.axis} of {list(t.shape)}")

    written: set[int] = set()
    for t in graph.inputs:
        if look_up("graph input", t).is_const or t in written:
            fail(f"tensor {t}", "is a constant graph input, or one that is listed twice")
        written.add(t)
    specs = load_ops()
    for node in graph.nodes:
        place = f"operator {node.index} {node.op}"
        spec = specs.get(node.op)
        if spec is None:
            fail(place, "no such operator")
        for t in (*node.inputs, *node.outputs):
            if t is not None and look_up(place, t).dtype in INTEGERS and graph.tensors[t].quant is None:
                fail(place, f"{graph.tensors[t].dtype.value} tensor {t} has no scale")
        for t in node.inputs:
            if t is not None and t not in written and not graph.tensors[t].is_const:
                fail(place, f"reads tensor {t}, which nothing before it writes")
        for t in node.outputs:
            if t in written or t in node.inputs or graph.tensors[t].is_const:
                fail(place, f"writes tensor {t}, which is constant, its own input or written before")
            written.add(t)
        view: NodeView = graph.view(node)
        try:
            shapes = spec.infer(view)
        except (Malformed, Reject) as error:
            fail(place, str(error))
        declared = tuple(t.shape for t in view.outputs)
        if tuple(tuple(s) for s in shapes) != declared:
            fail(place, f"outputs are declared {declared}, inferred {shapes}")
    for t in graph.outputs:
        if t not in written and not look_up("graph output", t).is_const:
            fail(f"tensor {t}", "is a graph output that no operator writes")

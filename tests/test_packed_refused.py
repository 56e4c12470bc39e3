"""What is not offered for values of 4 and 2 bits is refused when the model is read, with the operator's name: never a wrong or a slow
program."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hostile import assert_line
from packed_layers import COMBINATIONS
from tflite_writer import write_case
from tinyml.errors import Unsupported
from tinyml.importers import import_model
from tinyml.importers.container import write
from tinyml.ir import DType, Graph, NodeView, Quant, Tensor
from tinyml.numerics import RANGE
from tinyml.opspec import Malformed, OpSpec, Reject, load_ops, model_ops

OFFERED = {*COMBINATIONS, "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "PADV2", "SLICE"}


def _int4(t: Tensor | None) -> Tensor | None:
    if t is None or t.dtype is not DType.INT8 or t.is_const:
        return t
    low, high = RANGE[DType.INT4]
    return replace(t, dtype=DType.INT4, quant=Quant(t.quant.scale, (min(max(t.zero_point, low), high),)))


def _narrowed(spec: OpSpec) -> list[Graph]:
    """The operator's int8 cases with activations of 4 bits."""
    out = []
    for case in spec.cases():
        g = import_model(write_case(spec, case), case.name)
        tensors = {k: _int4(t) for k, t in g.tensors.items()}
        if any(t.dtype is DType.INT4 for t in tensors.values()):
            out.append(g.with_(tensors=tensors))
    return out


def _accepted(n: NodeView) -> bool:
    try:
        load_ops()[n.node.op].infer(n)
    except (Reject, Malformed):
        return False
    return True


# those that look at no value take any
@pytest.mark.parametrize("op", sorted(name for name, spec in model_ops().items() if name not in OFFERED and not spec.static))
def test_operators_without_a_kernel_refuse(op: str) -> None:
    graphs = _narrowed(load_ops()[op])
    assert not any(_accepted(g.view(g.nodes[0])) for g in graphs)


@pytest.mark.parametrize("op", sorted(OFFERED))
def test_operators_with_a_kernel_take_some(op: str) -> None:
    graphs = _narrowed(load_ops()[op])
    assert not graphs or op in ("DEQUANTIZE",) or any(_accepted(g.view(g.nodes[0])) for g in graphs)


def test_the_error_names_the_operator() -> None:
    spec = load_ops()["LOGISTIC"]
    with pytest.raises(Unsupported) as caught:
        import_model(write(_narrowed(spec)[0]), "m.tml")
    line = assert_line(caught.value)
    assert caught.value.exit_code == 4 and "LOGISTIC" in line and "int4" in line

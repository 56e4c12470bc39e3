"""Variants for packed operands around a variant for int8: rows are widened, it runs on one output row, the outputs are packed."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import DType, NodeView
from tinyml.ops import _packed, _window
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant

UNPACK, PACK = 4.0, 6.0  # instructions per value


def around(inner: Variant, any_weights: bool = False) -> Variant:
    """<op>_packed_<what>_<isa>, which calls `inner`, the window kernel <op>_i8_<what>_<isa>. any_weights: inner's table may hold
    weights of less than 8 bits, as it holds int8."""
    op, what = inner.name.split("_i8_")
    name, header = f"{op}_packed_{what}", f"{op}_packed"
    struct = f"tm_{name.rpartition('_')[0]}_params"

    def applies(n: NodeView, low: Lowering) -> bool:
        w = n.input(1)
        own = any_weights or inner.packed or w is None or w.dtype is DType.INT8
        return own and _packed.activations_packed(n) and inner.applies(_twin(n), _packed.twin_lowering(n, low))

    def _twin(n: NodeView) -> NodeView:
        """With its weights' own type where `inner` unpacks them."""
        wide = _packed.twin(n)
        return replace(wide, inputs=(wide.inputs[0], *n.inputs[1:])) if inner.packed else wide

    def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
        window = tuple(p for p in portable[0].params if p[0] in _window.FIELDS)
        rows = replace(_packed.twin_lowering(n, low), repeats=low.repeats * n.y.shape[1])  # inner is called for each
        (call,) = inner.lower(_twin(n), rows, portable)
        return (_packed.window_call(n, low, window, call, f"tm_{name}", header, struct),)

    def instructions(n: NodeView) -> float:
        packing = (UNPACK * n.x.elements if n.x.dtype.packed else 0.0) + (PACK * n.y.elements if n.y.dtype.packed else 0.0)
        return inner.instructions(_twin(n)) + packing + 60.0 * n.y.elements / n.y.shape[-1]

    return Variant(name, inner.op, inner.isa, applies, lower, instructions, code_bytes=1120, packed=True)

"""Variants of FULLY_CONNECTED for packed operands around one for int8: rows are widened, it runs on one, the outputs are packed."""

from __future__ import annotations

from tinyml.ir import DType, NodeView
from tinyml.ops import _packed, fully_connected
from tinyml.ops.variants._packed_rows import PACK, UNPACK
from tinyml.opspec import KernelCall, Lowering, Scratch
from tinyml.variants import Variant


def around(inner: Variant) -> Variant:
    """fully_connected_packed_<what>_<isa>, which calls `inner`, fully_connected_i8_<what>_<isa>."""
    name = inner.name.replace("_i8_", "_packed_")

    def applies(n: NodeView, low: Lowering) -> bool:
        w = n.inputs[1]
        assert w is not None
        return w.dtype is DType.INT8 and inner.applies(_packed.twin(n), low)

    def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
        (call,) = inner.lower(_packed.twin(n), low, portable)
        common = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c"))
        args = tuple(Scratch() if a is None else a for a in call.args)
        scratch = max(4, fully_connected.packed_scratch(n) + call.scratch_bytes)
        return (
            KernelCall(
                f"tm_{name}", "fully_connected_packed", "tm_fully_connected_packed_i8_params", fully_connected.packed_fields(n, common),
                args, scratch, uses=(call.func,),
            ),
        )  # fmt: skip

    def instructions(n: NodeView) -> float:
        packing = (UNPACK * n.x.elements if n.x.dtype.packed else 0.0) + (PACK * n.y.elements if n.y.dtype.packed else 0.0)
        return inner.instructions(_packed.twin(n)) + packing

    return Variant(name, inner.op, inner.isa, applies, lower, instructions, packed=True)

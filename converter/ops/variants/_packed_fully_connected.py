"""Variants of FULLY_CONNECTED for packed operands around one for int8: rows are widened, it runs on one, the outputs are packed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.ops import _packed, fully_connected
from tinyml.ops.variants import _narrow
from tinyml.ops.variants._packed_rows import PACK, UNPACK
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
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


def _groups(stream: np.ndarray, units: int, k: int, isa: str) -> Iterator[tuple[np.ndarray, int, int]]:
    """Each group of the int8 kernel's stream with its words before and behind the weights."""
    at = 0
    wide = units // 16 if isa == "rv" else 0
    sizes = [16] * wide + [4] * -(-(units - 16 * wide) // 4)
    for g in sizes:
        head, words, tail = (4, -(-k // 4) * 4, 12) if isa == "dsp" else (g, k * g // 4, 9 * g // 4)
        left = head + words + tail
        yield stream[at : at + left], head, tail
        at += left
    assert at == len(stream)


def narrow(inner: Variant, isa: str) -> Variant:
    """fully_connected_packed_narrow_<isa>: weights of 4 or 2 bits, widened group by group for `inner`."""
    name = f"fully_connected_packed_narrow_{isa}"

    def applies(n: NodeView, low: Lowering) -> bool:
        w = n.inputs[1]
        assert w is not None
        return w.dtype.packed and _narrow.symmetric(w) and inner.applies(_packed.twin(n), low)

    def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
        (call,) = inner.lower(_packed.twin(n), low, portable)
        w, table = n.inputs[1], call.args[1]
        assert w is not None and isinstance(table, Table)
        (units, k), bits = w.shape, w.dtype.bits
        groups = list(_groups(table.data, units, k, isa))
        blocks = [_narrow.block(s, head, tail, bits) for s, head, tail in groups]
        common = tuple(p for p in portable[0].params if p[0] in ("rows", "in_c", "out_c"))
        scratch = fully_connected.packed_scratch(n) + 4 * (max(len(s) for s, _, _ in groups) + 3) + call.scratch_bytes
        return (
            KernelCall(
                f"tm_{name}", "fully_connected_packed", "tm_fully_connected_packed_narrow_params",
                (*fully_connected.packed_fields(n, common), ("weight_bits", bits)),
                (Ref(n.x.id), Table("weights", np.concatenate(blocks)), Ref(n.y.id), Scratch()), scratch, uses=(call.func,),
            ),
        )  # fmt: skip

    def instructions(n: NodeView) -> float:
        w = n.inputs[1]
        assert w is not None
        packing = (UNPACK * n.x.elements if n.x.dtype.packed else 0.0) + (PACK * n.y.elements if n.y.dtype.packed else 0.0)
        rows = n.y.elements // w.shape[0]
        return inner.instructions(_packed.twin(n)) + packing + rows * (1.8 * w.elements + 60.0 * w.shape[0])

    return Variant(name, inner.op, inner.isa, applies, lower, instructions, packed=True)

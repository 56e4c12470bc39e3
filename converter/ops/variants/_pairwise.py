"""What ADD and MUL for Armv7E-M share: which layers they take and the requantisation of tm/pairwise_dsp.h."""

from __future__ import annotations

from tinyml.ir import NodeView, hwc
from tinyml.ops import _binary
from tinyml.ops.variants import _requant
from tinyml.opspec import KernelCall, Value


def constants(mult: int, shift: int, zero_point: int) -> tuple[tuple[str, int], ...] | None:
    """The fields mult, add, shift; None where the form is not exact for this shift."""
    e = -shift
    return (("mult", mult), ("add", (1 << (e - 1)) + (zero_point << e)), ("shift", e)) if 1 <= e <= _requant.MOST_TWICE else None


def plain(n: NodeView) -> bool:
    """int8 with all of the output's range, and the output's channels in both operands."""
    clamp = tuple(n.attrs.clamp) == (-128, 127)
    return not n.is_float and clamp and all(hwc(t.shape)[2] == hwc(n.y.shape)[2] for t in _binary.operands(n))


def fields(call: KernelCall) -> dict[str, Value]:
    return dict(call.params)


def geoms(call: KernelCall) -> tuple[tuple[str, Value], ...]:
    return tuple(p for p in call.params if p[0] in ("a", "b", "out"))

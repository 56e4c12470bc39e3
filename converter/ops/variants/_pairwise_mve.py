"""What ADD, SUB and MUL for Armv8.1-M with Helium share. See tm/pairwise_mve.h."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView, hwc
from tinyml.ops import _binary
from tinyml.ops.variants import _four_mve
from tinyml.opspec import KernelCall


def takes(n: NodeView, out: tuple[int, int]) -> bool:
    """int8 with the output's channels in both operands, and an output multiplier (mult, shift) whose rounding is exact."""
    return not n.is_float and all(hwc(t.shape)[2] == hwc(n.y.shape)[2] for t in _binary.operands(n)) and 1 <= -out[1] <= _four_mve.MOST


def renamed(calls: tuple[KernelCall, ...], func: str) -> tuple[KernelCall, ...]:
    (call,) = calls
    return (replace(call, func=func, header="pairwise_mve"),)

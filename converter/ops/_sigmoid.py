"""The S-shaped functions LOGISTIC and TANH: int8 by a table (tm/lut.h), float32 by tm_logistic_f32 and tm_tanh_f32.

Numerics: LiteRT activations.cc. Its reference resolver fills a 256-entry table in float32 arithmetic (it does not use
the fixed-point functions), so the table here repeats those roundings.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _elementwise as ew
from tinyml.opspec import KernelCall, Lowering

Function = Callable[[np.ndarray], np.ndarray]  # float32 -> float32


def logistic(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(-x.astype(np.float64)).astype(np.float32)
        return np.float32(1) / (np.float32(1) + e)


def tanh(x: np.ndarray) -> np.ndarray:
    return np.tanh(x.astype(np.float64)).astype(np.float32)


def reference(n: NodeView, x: np.ndarray | None, f: Function) -> tuple[np.ndarray, ...]:
    assert x is not None
    return (f(x) if n.is_float else ew.apply_table(ew.float_table(n.x, n.y, f), x),)


def lower(n: NodeView, low: Lowering, op: str, f: Function) -> tuple[KernelCall, ...]:
    if n.is_float:
        return ew.float_call(op, n, low)
    return ew.lut_call(n.x, n.y, ew.float_table(n.x, n.y, f), low)

"""Numbers, geometries and arrays as C text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.opspec import Geom

CTYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t",
    "uint32": "uint32_t", "int64": "int64_t", "float32": "float", "float64": "double", "bool": "uint8_t",
    "int4": "uint8_t", "int2": "uint8_t",
}  # fmt: skip


def c_float(x: float) -> str:
    """The shortest text that C reads back as exactly this float32. Infinities become the largest finite float."""
    f = np.float32(x)
    if math.isnan(f):
        raise ValueError("NaN in a constant")
    if math.isinf(f):
        f = np.finfo(np.float32).max * np.sign(f)
    text = (
        np.format_float_scientific(f, unique=True, trim="0")
        if f and not 1e-4 < abs(f) < 1e7
        else np.format_float_positional(f, unique=True, trim="0")
    )
    return text + "f"


def c_int(x: int) -> str:
    """INT32_MIN has no literal in C."""
    return "(-2147483647 - 1)" if x == -(1 << 31) else str(int(x))


def c_number(x: int | float) -> str:
    return c_float(x) if isinstance(x, (float, np.floating)) else c_int(int(x))


def c_geom(g: Geom, ring: int = 0) -> str:
    return f"{{{g.h}, {g.w}, {g.c}, {g.row_stride}, {g.px_stride}, {ring}, 0}}"


def c_place(place: tuple[int, int]) -> str:
    """Bytes from the start of an arena on, as an address: `a` is arena 0."""
    arena, offset = place
    return f"{c_arena(arena)} + {offset}"


def c_arena(arena: int, first: str = "a") -> str:
    return f"tm_arena({first}, {arena})" if arena else first


def c_ints(values: Sequence[int], width: int = 110) -> list[str]:
    """Initialiser lines of small integers, without braces."""
    return c_array(np.array(values, np.int32), width)


def c_array(a: np.ndarray, width: int = 110) -> list[str]:
    """Initialiser lines of a flattened array, without braces."""
    flat = np.ascontiguousarray(a).reshape(-1)
    if flat.dtype == np.float32:
        items = [c_float(v) for v in flat]
    elif flat.dtype == np.float64:
        items = [repr(v) for v in flat.tolist()]  # as many digits as bring it back exactly
    elif flat.dtype == np.int32 and (flat == -(1 << 31)).any():
        items = [c_int(v) for v in flat.tolist()]
    else:
        items = list(map(str, flat.astype(np.int64).tolist()))
    per_line = max(1, width // (max(map(len, items), default=1) + 1))
    return [",".join(items[i : i + per_line]) + "," for i in range(0, len(items), per_line)]

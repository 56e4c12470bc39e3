"""Checks of the kernels on packed operands in a process with sanitizers; see kernel_lib.py. Run as: LIBRARY OPERATOR COUNT SEED.

Per layer: the whole of it with gaps between pixels and rows; for windows, rectangles of it from rings; outputs over inputs that
are no longer needed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from kernel_checks import _data, _range, _spans, _windowed, live, pointers
from kernel_lib import Heap, Kernels, place, random_layout
from packed_layers import COMBINATIONS, Layer, layers
from tinyml.ir import Tensor, hwc
from tinyml.opspec import Elementwise, Geom, Lowering, Window
from tinyml.packing import stored


def memory(t: Tensor) -> np.dtype:
    return np.dtype(np.uint8) if t.dtype.packed else t.dtype.numpy


def found(layer: Layer) -> dict[int, np.ndarray]:
    """What lies in the arena of each operand, [H,W,units]."""
    out = {}
    for t, a in zip(layer.node.inputs, layer.arrays, strict=True):
        if t is not None and a is not None and not t.is_const:
            out[t.id] = stored(a.reshape(hwc(t.shape)), t)
    return out


def expected(layer: Layer) -> np.ndarray:
    n = layer.node
    (y,) = layer.spec.reference(n, layer.arrays)
    assert y.dtype == n.y.dtype.numpy
    if n.y.dtype.packed:
        low = -(1 << (n.y.dtype.bits - 1))
        assert low <= y.min() and y.max() <= -low - 1
    return stored(y.reshape(hwc(n.y.shape)), n.y)


def check_whole(kernels: Kernels, layer: Layer, rng: np.random.Generator) -> None:
    n, values = layer.node, found(layer)
    strided = layer.spec.strided
    geoms = {t.id: random_layout(*t.stored, rng) if strided else Geom.dense(*t.stored) for t in live(n)}
    placed = {t.id: place(geoms[t.id], memory(t), rng, values.get(t.id)) for t in live(n)}
    before = {k: p.heap.array.copy() for k, p in placed.items()}
    for call in layer.spec.lower(n, Lowering(geoms)):
        assert kernels.run(call, pointers({k: (p.heap, 0) for k, p in placed.items()})) == 0, (layer.name, call.func)
    same(placed[n.y.id].read(), expected(layer), f"{layer.name} {geoms}")
    for t in live(n):
        assert placed[t.id].untouched(before[t.id]) if t.id == n.y.id else placed[t.id].heap.array.tobytes() == before[t.id].tobytes()


def same(a: np.ndarray, b: np.ndarray, what: str) -> None:
    np.testing.assert_array_equal(a, b, err_msg=what)


def check_rectangles(kernels: Kernels, layer: Layer, rng: np.random.Generator) -> int:
    n, k = layer.node, _data(layer.node)
    if k is None or not isinstance(access := layer.spec.access(n)[k], Window) or len(n.y.shape) != 4:
        return 0
    (call,) = layer.spec.lower(n, Lowering({t.id: Geom.dense(*t.stored) for t in live(n)}))
    if "pad_top" not in dict(call.params):
        return 0
    src, values, whole = n.inputs[k], found(layer)[n.inputs[k].id], expected(layer)
    (h, w, c), (hi, wi, ci) = whole.shape, values.shape
    rows, cols = _spans(n, layer.spec, call, 0), _spans(n, layer.spec, call, 1)
    for _ in range(2):
        y0, x0 = int(rng.integers(0, h)), int(rng.integers(0, w))
        oh, ow = int(rng.integers(1, h - y0 + 1)), int(rng.integers(1, w - x0 + 1))
        iy, ih = _range(rows, y0, oh, hi, rng)
        ix, iw = _range(cols, x0, ow, wi, rng)
        x = place(random_layout(ih, iw, ci, rng, ring=True), memory(src), rng, values[iy : iy + ih, ix : ix + iw])
        y = place(random_layout(oh, ow, c, rng, ring=True), memory(n.y), rng)
        before = y.heap.array.copy()
        part = _windowed(call, access, (y0, x0), (iy, ix), {"in": x.geom, "out": y.geom})
        what = f"{layer.name}: rows {y0}+{oh}, columns {x0}+{ow} from {x.geom} to {y.geom}"
        assert kernels.run(part, pointers({src.id: (x.heap, 0), n.y.id: (y.heap, 0)})) == 0, what
        same(y.read(), whole[y0 : y0 + oh, x0 : x0 + ow], what)
        assert y.untouched(before), what
    return 2


def check_in_place(kernels: Kernels, layer: Layer, rng: np.random.Generator) -> int:
    """Element-wise operators whose output takes the place of an operand of the same bytes."""
    n, count = layer.node, 0
    for k, t in enumerate(n.inputs):
        if t is None or t.is_const or not isinstance(layer.spec.access(n)[k], Elementwise) or t.stored != n.y.stored:
            continue
        if t.dtype.bytes != n.y.dtype.bytes:
            continue
        values = found(layer)
        heaps = {i: Heap(v.size, v.dtype, rng) for i, v in values.items()}
        for i, v in values.items():
            heaps[i].array[:] = v.reshape(-1)
        at = {**{i: (heap, 0) for i, heap in heaps.items()}, n.y.id: (heaps[t.id], 0)}
        for call in layer.spec.lower(n, Lowering({u.id: Geom.dense(*u.stored) for u in live(n)})):
            assert kernels.run(call, pointers(at)) == 0
        same(heaps[t.id].array.view(np.uint8), expected(layer).reshape(-1).view(np.uint8), f"{layer.name} over operand {k}")
        count += 1
    return count


if __name__ == "__main__":
    kernels, op, count, seed = Kernels(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    done: dict[str, int] = {"whole": 0, "rectangles": 0, "in_place": 0}
    for widths in COMBINATIONS[op]:
        for number, layer in enumerate(layers(op, widths, count, seed)):
            rng = np.random.default_rng([seed, number])
            check_whole(kernels, layer, rng)
            done["whole"] += 1
            done["rectangles"] += check_rectangles(kernels, layer, rng)
            done["in_place"] += check_in_place(kernels, layer, rng)
    print(json.dumps(done))

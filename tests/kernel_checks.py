"""Checks of the kernels' contracts, generic over all operators; see kernel_lib.py. Run as: LIBRARY OPERATOR.

Each check goes through the operator's cases, compares with the reference or the whole layer computed densely, and counts its
comparisons.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kernel_lib import Heap, Kernels, Placed, place, random_layout
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import NodeView, Tensor, hwc
from tinyml.ops import resize_bilinear, resize_nearest_neighbor
from tinyml.opspec import Elementwise, Geom, KernelCall, Lowering, OpSpec, PartsOfOutput, Ref, RowMap, Window, load_ops

RECTANGLES = 12  # per case


def nodes(spec: OpSpec) -> Iterator[tuple[str, NodeView, tuple[np.ndarray | None, ...], float]]:
    """(case, node, operands, tolerance) of each case."""
    for k, case in enumerate(spec.cases()):
        graph = import_model(write_case(spec, case), case.name)
        n = graph.view(graph.nodes[0])
        fed = dict(zip(graph.inputs, random_inputs(case, k), strict=True))
        yield case.name, n, tuple(None if t is None else fed.get(t.id, t.data) for t in n.inputs), case.tolerance


def live(n: NodeView) -> list[Tensor]:
    """The node's tensors that lie in the arena, each once."""
    return list({t.id: t for t in (*n.inputs, *n.outputs) if t is not None and not t.is_const}.values())


def operand(n: NodeView, arrays: tuple[np.ndarray | None, ...], t: Tensor) -> np.ndarray | None:
    """The operand in tensor t as [H,W,C]; None for an output."""
    found = [a for i, a in zip(n.inputs, arrays, strict=True) if i is t and a is not None]
    return found[0].reshape(hwc(t.shape)) if found else None


def pointers(at: dict[int, tuple[Heap, int]]) -> Callable[[Ref], int]:
    """Addresses of the tensors' elements, from the block and the element where each tensor begins."""

    def address(r: Ref) -> int:
        heap, element = at[r.tensor]
        return heap.at(element + r.offset)

    return address


def run_whole(
    kernels: Kernels, n: NodeView, spec: OpSpec, arrays: tuple[np.ndarray | None, ...], geoms: dict[int, Geom], rng: np.random.Generator
) -> dict[int, Placed]:
    """Runs the node's calls on tensors laid out as `geoms`; asserts that nothing but the outputs is written."""
    placed = {t.id: place(geoms[t.id], t.dtype.numpy, rng, operand(n, arrays, t)) for t in live(n)}
    before = {k: p.heap.array.copy() for k, p in placed.items()}
    for call in spec.lower(n, Lowering(geoms)):
        assert kernels.run(call, pointers({k: (p.heap, 0) for k, p in placed.items()})) == 0, call.func
    for t in live(n):
        if t in n.outputs:
            assert placed[t.id].untouched(before[t.id]), "written outside the output"
        else:
            assert placed[t.id].heap.array.tobytes() == before[t.id].tobytes(), "input written"
    return placed


def dense(n: NodeView) -> dict[int, Geom]:
    return {t.id: Geom.dense(*hwc(t.shape)) for t in live(n)}


def same(a: np.ndarray, b: np.ndarray, tolerance: float, what: str) -> None:
    if tolerance:
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


# ---------------------------------------------------------------- checks

def check_strided(kernels: Kernels, spec: OpSpec) -> int:
    """Tensors with gaps between pixels and rows give what the reference gives."""
    count = 0
    for name, n, arrays, tolerance in nodes(spec):
        rng = np.random.default_rng(count)
        geoms = {t.id: random_layout(*hwc(t.shape), rng) for t in live(n)} if spec.strided else dense(n)
        placed = run_whole(kernels, n, spec, arrays, geoms, rng)
        for y, expected in zip(n.outputs, spec.reference(n, arrays), strict=True):
            same(placed[y.id].read(), expected.reshape(hwc(y.shape)), tolerance, name)
            count += 1
    return count


def check_rest(kernels: Kernels, spec: OpSpec) -> int:
    """Where producers wrote the parts into the output, lower_rest completes it."""
    count = 0
    for name, n, arrays, _ in nodes(spec):
        rule = spec.view(n)
        if not isinstance(rule, PartsOfOutput):
            continue
        rng = np.random.default_rng(count)
        geoms = {t.id: random_layout(*hwc(t.shape), rng) for t in live(n)}
        (expected,) = spec.reference(n, arrays)
        start = np.zeros_like(expected)
        parts = [(t, a) for t, a in zip(n.inputs, arrays, strict=True) if t is not None and not t.is_const]
        for (t, a), begin in zip(parts, rule.begins, strict=True):
            start[tuple(slice(b, b + e) for b, e in zip(begin, t.shape, strict=True))] = a
        out = place(geoms[n.y.id], n.y.dtype.numpy, rng, start.reshape(hwc(n.y.shape)))
        before = out.heap.array.copy()
        for call in spec.lower_rest(n, Lowering(geoms)):
            assert all(a.tensor == n.y.id for a in call.args if isinstance(a, Ref)), f"{name}: reads a part"
            assert kernels.run(call, pointers({n.y.id: (out.heap, 0)})) == 0
        same(out.read(), expected.reshape(hwc(n.y.shape)), 0.0, name)
        assert out.untouched(before)
        count += 1
    return count


def _data(n: NodeView) -> int | None:
    """Position of the one operand that lies in the arena, None where there are several or none."""
    at = [k for k, t in enumerate(n.inputs) if t is not None and not t.is_const]
    return at[0] if len(at) == 1 else None


def _spans(n: NodeView, spec: OpSpec, call: KernelCall, dim: int) -> list[tuple[int, int]]:
    """Per output row (dim 0) or column (dim 1) of a spatial node, the input rows or columns it reads, clipped; may be empty."""
    k = _data(n)
    access, size, out = spec.access(n)[k], n.inputs[k].shape[1 + dim], n.y.shape[1 + dim]
    if isinstance(access, RowMap) and dim == 0:
        return list(access.rows)
    if isinstance(access, Window):
        first = [v * access.stride[dim] - access.pad[dim] for v in range(out)]
        last = [f + access.size[dim] for f in first]
    elif "pad_left" in dict(call.params):  # transposed
        p = dict(call.params)
        last = [(v + p["pad_left"]) // p["stride_w"] + 1 for v in range(out)]
        first = [-((p["kernel_w"] - 1 - v - p["pad_left"]) // p["stride_w"]) for v in range(out)]
    else:
        module = {"RESIZE_BILINEAR": resize_bilinear, "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor}[n.node.op]
        at = module.positions(n, 1)
        first, more = at if isinstance(at, tuple) else (at, np.zeros(out))
        last = first + (more > 0) + 1
    return [(min(max(int(f), 0), size), min(max(int(e), 0), size)) for f, e in zip(first, last, strict=True)]


def _range(spans: list[tuple[int, int]], at: int, extent: int, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """First input row and number of rows that output rows at .. at+extent need; now and then some more than that."""
    used = [s for s in spans[at : at + extent] if s[0] < s[1]]
    lo, hi = (min(s[0] for s in used), max(s[1] for s in used)) if used else (0, 1)
    if rng.integers(0, 3) == 0:
        lo, hi = lo - int(rng.integers(0, lo + 1)), hi + int(rng.integers(0, size - hi + 1))
    return lo, hi - lo


def _windowed(call: KernelCall, access: object, at: tuple[int, int], src: tuple[int, int], geoms: dict[str, Geom]) -> KernelCall:
    """The layer's call for the output rectangle at `at` over the input rectangle at `src`."""
    p = dict(call.params)
    new: dict[str, object] = dict(geoms)
    if isinstance(access, Window):
        new["pad_top"] = p["pad_top"] - at[0] * p["stride_h"] + src[0]
        new["pad_left"] = p["pad_left"] - at[1] * p["stride_w"] + src[1]
    elif "pad_top" in p:  # transposed: the stride is the output's
        new["pad_top"] = p["pad_top"] + at[0] - src[0] * p["stride_h"]
        new["pad_left"] = p["pad_left"] + at[1] - src[1] * p["stride_w"]
    else:
        new.update(out_y0=at[0], out_x0=at[1], in_y0=src[0], in_x0=src[1])
    assert new.keys() <= p.keys(), call.func
    return replace(call, params=tuple((k, new.get(k, v)) for k, v in call.params))


def spatial(n: NodeView, spec: OpSpec) -> KernelCall | None:
    """The node's call if its kernel computes rectangles: window.h's or resize.h's fields."""
    calls = spec.lower(n, Lowering(dense(n)))
    names = {k for k, _ in calls[0].params}
    return calls[0] if len(calls) == 1 and ({"in", "out", "stride_h", "pad_top"} <= names or {"in", "out", "out_y0"} <= names) else None


def check_windows(kernels: Kernels, spec: OpSpec) -> int:
    """Any rectangle of the output, from input and output rows with gaps or in rings, equals that part of the layer."""
    count = 0
    for name, n, arrays, tolerance in nodes(spec):
        call, k = spatial(n, spec), _data(n)
        if call is None or k is None:
            continue
        src, values = n.inputs[k], arrays[k]
        rng = np.random.default_rng(count)
        whole = run_whole(kernels, n, spec, arrays, dense(n), rng)[n.y.id].read()
        same(whole, spec.reference(n, arrays)[0][0], tolerance, name)
        (h, w, c), (hi, wi, ci) = whole.shape, hwc(src.shape)
        rows, cols = _spans(n, spec, call, 0), _spans(n, spec, call, 1)
        for _ in range(RECTANGLES):
            y0, x0 = int(rng.integers(0, h)), int(rng.integers(0, w))
            oh, ow = int(rng.integers(1, h - y0 + 1)), int(rng.integers(1, w - x0 + 1))
            iy, ih = _range(rows, y0, oh, hi, rng)
            ix, iw = _range(cols, x0, ow, wi, rng)
            x = place(random_layout(ih, iw, ci, rng, ring=True), src.dtype.numpy, rng, values[0, iy : iy + ih, ix : ix + iw])
            y = place(random_layout(oh, ow, c, rng, ring=True), n.y.dtype.numpy, rng)
            before = y.heap.array.copy()
            part = _windowed(call, spec.access(n)[k], (y0, x0), (iy, ix), {"in": x.geom, "out": y.geom})
            status = kernels.run(part, pointers({src.id: (x.heap, 0), n.y.id: (y.heap, 0)}))
            what = f"{name}: rows {y0}+{oh}, columns {x0}+{ow} from {x.geom} to {y.geom}"
            assert status == 0, what
            same(y.read(), whole[y0 : y0 + oh, x0 : x0 + ow], 0.0, what)
            assert y.untouched(before), what
            count += 1
    return count


def _lag(access: object, whole: tuple[int, int, int], x: tuple[int, int, int]) -> int:
    """The most elements that the output may start behind its input (negative: before it)."""
    (h, w, c), (hi, wi, ci) = whole, x
    if isinstance(access, Elementwise):
        return 0
    if isinstance(access, Window):
        rows = [(min(max(k * access.stride[0] - access.pad[0], 0), hi), hi) for k in range(h)]
    else:
        assert isinstance(access, RowMap)
        rows = list(access.rows)
    later, needed = hi, []  # the first input row that this or a later output row reads
    for first, end in reversed(rows):
        later = min(later, first) if first < end else later
        needed.insert(0, later)
    return min(first * wi * ci - (k + 1) * w * c for k, first in enumerate(needed))


def check_trailing(kernels: Kernels, spec: OpSpec) -> int:
    """The output may overwrite input rows that no later output row needs: row y ends where row y's first input row begins.
    (Element-wise: at the same place.) Proves the order of reads and writes that the access pattern declares."""
    count = 0
    for name, n, arrays, _ in nodes(spec):
        k = _data(n)
        if k is None or len(n.outputs) != 1 or n.inputs[k].dtype is not n.y.dtype:
            continue
        access, x = spec.access(n)[k], n.inputs[k]
        if not isinstance(access, (Window, RowMap, Elementwise)):
            continue
        rng = np.random.default_rng(count)
        whole = run_whole(kernels, n, spec, arrays, dense(n), rng)[n.y.id].read()
        lag = _lag(access, whole.shape, hwc(x.shape))
        x_at, y_at = max(-lag, 0), max(lag, 0)
        block = Heap(max(x_at + x.elements, y_at + n.y.elements), x.dtype.numpy, rng)
        block.array[x_at : x_at + x.elements] = arrays[k].reshape(-1)
        for call in spec.lower(n, Lowering(dense(n))):
            assert kernels.run(call, pointers({x.id: (block, x_at), n.y.id: (block, y_at)})) == 0, name
        same(block.array[y_at : y_at + n.y.elements], whole.reshape(-1), 0.0, f"{name}: output {lag} elements behind its input")
        count += 1
    return count


CHECKS: dict[str, Callable[[Kernels, OpSpec], int]] = {
    "strided": check_strided, "rest": check_rest, "windows": check_windows, "trailing": check_trailing,
}  # fmt: skip

if __name__ == "__main__":
    kernels, spec = Kernels(Path(sys.argv[1])), load_ops()[sys.argv[2]]
    print(json.dumps({name: check(kernels, spec) for name, check in CHECKS.items()}))

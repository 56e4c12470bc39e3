"""What the specs claim of their operators (access patterns, views, no-ops, padding) against what the references compute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernel_checks import dense, nodes
from tinyml.ir import DType, NodeView, Tensor, hwc
from tinyml.opspec import Elementwise, Lowering, OpSpec, PartsOfInput, PartsOfOutput, Reshaped, RowMap, Window, model_ops

SPECS = pytest.mark.parametrize("spec", model_ops().values(), ids=lambda s: s.name)
COPIES = ("tm_copy_nd_", "tm_fill_nd_", "tm_resize_nearest_neighbor_")  # kernels whose outputs show every element read


def _data(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> list[tuple[int, Tensor, np.ndarray]]:
    return [(k, t, a) for k, (t, a) in enumerate(zip(n.inputs, arrays, strict=True)) if t is not None and not t.is_const and a is not None]


def _declared(access: object, h_in: int, h_out: int) -> np.ndarray:
    """[h_out, h_in]: whether the output row may read the input row."""
    reads = np.zeros((h_out, h_in), bool)
    for y in range(h_out):
        if isinstance(access, Window):
            first = y * access.stride[0] - access.pad[0]
            reads[y, max(first, 0) : max(first + access.size[0], 0)] = True
        elif isinstance(access, RowMap):
            first, end = access.rows[y]
            assert 0 <= first <= end <= h_in
            reads[y, first:end] = True
    return reads


@SPECS
def test_rows_outside_the_access_pattern_change_nothing(spec: OpSpec) -> None:
    for name, n, arrays, _ in nodes(spec):
        for k, t, a in _data(n, arrays):
            access = spec.access(n)[k]
            if not isinstance(access, (Window, RowMap)):
                continue
            h_in, h_out = hwc(t.shape)[0], hwc(n.y.shape)[0]
            declared, seen = _declared(access, h_in, h_out), np.zeros((h_out, h_in), bool)
            before = spec.reference(n, arrays)[0].reshape(h_out, -1)
            for row in range(h_in):
                changed = a.copy()
                part = changed.reshape(h_in, -1)
                part[row] = part[row] + 1 if t.dtype is DType.FLOAT32 else ~part[row]
                after = spec.reference(n, (*arrays[:k], changed, *arrays[k + 1 :]))[0].reshape(h_out, -1)
                seen[:, row] = (after != before).any(1)
            assert not (seen & ~declared).any(), f"{name}: reads rows that it does not declare"
            if all(c.func.startswith(COPIES) for c in spec.lower(n, Lowering(dense(n)))):
                for y in range(h_out):  # a span may include rows that a stride skips, its ends are read
                    read = np.flatnonzero(seen[y])
                    ends = np.flatnonzero(declared[y])
                    assert read[[0, -1]].tolist() == ends[[0, -1]].tolist() if len(ends) else not len(read), f"{name}: row {y}"


@SPECS
def test_elementwise_operands_change_their_own_element_only(spec: OpSpec) -> None:
    for name, n, arrays, _ in nodes(spec):
        for k, t, a in _data(n, arrays):
            if not isinstance(spec.access(n)[k], Elementwise):
                continue
            assert t.elements == n.y.elements, name
            before = spec.reference(n, arrays)[0].reshape(-1)
            for i in {0, t.elements // 2, t.elements - 1}:
                changed = a.copy()
                changed.reshape(-1)[i] = 1.5 if t.dtype is DType.FLOAT32 else ~changed.reshape(-1)[i]
                after = spec.reference(n, (*arrays[:k], changed, *arrays[k + 1 :]))[0].reshape(-1)
                assert set(np.flatnonzero(after != before)) <= {i}, name


@SPECS
def test_views_are_the_bytes_they_claim(spec: OpSpec) -> None:
    for name, n, arrays, _ in nodes(spec):
        rule, outs, data = spec.view(n), spec.reference(n, arrays), _data(n, arrays)
        if isinstance(rule, Reshaped):
            np.testing.assert_array_equal(outs[0].reshape(-1), data[0][2].reshape(-1), err_msg=name)
        elif isinstance(rule, PartsOfInput):
            for out, begin in zip(outs, rule.begins, strict=True):
                box = tuple(slice(b, b + e) for b, e in zip(begin, out.shape, strict=True))
                np.testing.assert_array_equal(out, data[0][2][box], err_msg=name)
        elif isinstance(rule, PartsOfOutput):
            for (_, t, a), begin in zip(data, rule.begins, strict=True):
                box = tuple(slice(b, b + e) for b, e in zip(begin, t.shape, strict=True))
                np.testing.assert_array_equal(outs[0][box], a, err_msg=name)


@SPECS
def test_noops_and_padding_do_what_they_claim(spec: OpSpec) -> None:
    for name, n, arrays, _ in nodes(spec):
        if spec.is_noop(n):
            assert n.x.shape == n.y.shape and (n.x.quant is None or n.x.quant == n.y.quant), name
            np.testing.assert_array_equal(spec.reference(n, arrays)[0], arrays[0], err_msg=name)
        pad = spec.as_padding(n)
        if pad is not None:
            top, left, bottom, right = pad
            zero = n.x.zero_point if n.x.quant else 0
            padded = np.pad(arrays[0], ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=zero)
            np.testing.assert_array_equal(spec.reference(n, arrays)[0], padded, err_msg=name)


def test_the_claims_are_met_somewhere() -> None:
    """Each claim above is made by some case, so that the loops compare something."""
    specs = model_ops()
    found = {type(specs[op].view(n)) for op in ("RESHAPE", "SPLIT", "PAD") for _, n, _, _ in nodes(specs[op])}
    assert {Reshaped, PartsOfInput, PartsOfOutput} <= found
    pads = [specs["PAD"].as_padding(n) for _, n, _, _ in nodes(specs["PAD"])]
    assert (1, 1, 1, 1) in pads and None in pads
    for op in ("RESHAPE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "CONCATENATION", "PAD", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        claims = [specs[op].is_noop(n) for _, n, _, _ in nodes(specs[op])]
        assert any(claims) and not all(claims), op


@SPECS
def test_output_channels_can_be_computed_by_themselves(spec: OpSpec) -> None:
    """The node without some channels gives the others' values, bit for bit; each value lies within its channel's bounds."""
    for name, n, arrays, _ in nodes(spec):
        data = [t for t in (n.inputs[0], n.y) if t is not None]
        rules = spec.channels(n) if all(t.dtype is DType.INT8 and not t.is_const for t in data) and len(data) == 2 else None
        if rules is None or arrays[0] is None:
            continue
        whole = spec.reference(n, arrays)[0]
        ends = (f(arrays[0].reshape(-1, arrays[0].shape[-1]).astype(np.int64), 0) for f in (np.min, np.max))
        lo, hi = rules.bounds(n, *ends)
        assert ((lo <= whole) & (whole <= hi)).all(), name
        keep = np.arange(n.y.shape[-1]) % 3 != 1
        attrs, constants = rules.without_outputs(n, keep)
        if not (constants or rules.per_channel):
            continue  # its outputs stay together
        x, ins = arrays[0], list(n.inputs)
        if rules.per_channel:
            x = np.compress(keep, x, -1)
        ins[0] = replace(n.x, shape=x.shape)
        for k, t in constants.items():
            ins[k] = t
        y = replace(n.y, shape=(*n.y.shape[:-1], int(keep.sum())))
        part = NodeView(replace(n.node, attrs=attrs), tuple(ins), (y,))
        some = spec.reference(part, (x, *(None if t is None else t.data for t in ins[1:])))[0]
        np.testing.assert_array_equal(some, np.compress(keep, whole, -1), err_msg=name)
        assert spec.infer(part) == (y.shape,), name

"""Every case of every operator with one thing wrong: each tensor's shape, type, quantisation, presence and data, each
option, each count. The importer must refuse it with one line, or accept it; and what it accepts, every function of the
operator that the planner calls must be able to handle.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tflite

from hostile import outcome
from tflite_writer import ModelBuilder, TensorDef, case_model
from tinyml.errors import TinymlError
from tinyml.ir import Graph, hwc
from tinyml.opspec import Case, Geom, Lowering, OpSpec, model_ops

CASES_PER_OPERATOR = 4
MAX_LOWERED = 1 << 16  # elements: lowering may build tables as large as the tensors
TYPES = ("FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "BOOL", "INT16", "INT8", "INT4")
NUMBERS = (0, -1, 1, 2, 3, 127, -128, (1 << 31) - 1, -(1 << 31))
Edit = Callable[[ModelBuilder], None]


def _resize(t: TensorDef, shape: tuple[int, ...]) -> None:
    """A new shape, with data and scales that fit it."""
    if t.data is not None:
        width = max(1, len(t.data) // max(1, math.prod(t.shape)))
        size = math.prod(shape) * width
        t.data = (t.data * (size // max(1, len(t.data)) + 1))[:size]
    if len(t.scales) > 1:
        t.axis = min(t.axis, max(len(shape) - 1, 0))
        n = shape[t.axis] if shape else 1
        t.scales, t.zero_points = (t.scales * n)[:n], (t.zero_points * n)[:n]
    t.shape = shape


def _retype(t: TensorDef, name: str) -> None:
    kind = getattr(tflite.TensorType, name)
    if t.data is not None and name not in ("FLOAT16", "INT4"):
        t.data = bytes(math.prod(t.shape) * np.dtype(name.lower()).itemsize)
    t.type = kind


def _tensor_edits(t: TensorDef) -> Iterator[tuple[str, Callable[[TensorDef], None]]]:
    def set_(**fields: Any) -> Callable[[TensorDef], None]:
        return lambda t: [setattr(t, k, v) for k, v in fields.items()] and None

    s = t.shape
    shapes = {(), (1,), s[1:], s[:-1], (*s, 1), (1, *s), (math.prod(s),), s[::-1], (2, *s[1:])}
    shapes |= {tuple(d + (k == j) for j, d in enumerate(s)) for k in range(len(s))}
    shapes |= {tuple(1 if k == j else d for j, d in enumerate(s)) for k in range(len(s))}
    for shape in sorted(shapes - {s}):
        yield f"shape {shape}", lambda t, shape=shape: _resize(t, shape)
    for name in TYPES:
        yield name, lambda t, name=name: _retype(t, name)
    yield "no quantisation", set_(scales=(), zero_points=())
    for axis in {0, len(s) - 1} if s else ():
        yield f"per channel {axis}", set_(scales=(0.25,) * s[axis], zero_points=(0,) * s[axis], axis=axis)
    for scale in (1e-37, 1e-9, 1e9, 3e38):
        yield f"scale {scale}", set_(scales=(scale,), zero_points=(0,))
    for zero_point in (-128, 127):
        yield f"zero point {zero_point}", set_(scales=(0.5,), zero_points=(zero_point,))
    yield "constant" if t.data is None else "not constant", set_(data=None if t.data is not None else bytes(math.prod(s) or 1))
    if t.data is not None:
        for byte in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            yield f"data {byte:#x}", set_(data=bytes([byte]) * len(t.data))
        words = len(t.data) // 4
        for number in (1, -1, 100, 1 << 30):
            yield f"words {number}", set_(data=np.full(words, number, "<i4").tobytes() + t.data[4 * words :])


def _edits(m: ModelBuilder) -> Iterator[tuple[str, Edit]]:
    o = m.operators[0]
    for k, t in enumerate(m.tensors):
        for what, edit in _tensor_edits(t):
            yield f"tensor {k} {what}", lambda m, k=k, edit=edit: edit(m.tensors[k])
    for k in range(len(o.inputs)):
        yield f"input {k} absent", lambda m, k=k: m.operators[0].inputs.__setitem__(k, -1)
        for j in range(len(o.inputs)):
            yield f"input {k} is {j}", lambda m, k=k, j=j: m.operators[0].inputs.__setitem__(k, m.operators[0].inputs[j])
        yield f"only {k} inputs", lambda m, k=k: m.operators[0].inputs.__delitem__(slice(k, None))
    yield "one input more", lambda m: m.operators[0].inputs.append(m.operators[0].inputs[-1])
    yield "no options", lambda m: setattr(m.operators[0], "table", None)

    def extra_output(m: ModelBuilder) -> None:
        m.tensors.append(copy.deepcopy(m.tensors[m.operators[0].outputs[0]]))
        m.operators[0].outputs.append(len(m.tensors) - 1)

    yield "one output more", extra_output
    if o.table is not None:
        fields = [f.removeprefix(f"{o.table}Add") for f in dir(tflite) if f.startswith(f"{o.table}Add")]
        for name in fields:
            vector = hasattr(tflite, f"{o.table}Start{name}Vector")
            for value in ([], [0], [-1], [9, 9, 9], [1 << 30] * 4, [1] * 2000) if vector else NUMBERS:
                yield f"{name} {str(value)[:20]}", lambda m, n=name, v=value: m.operators[0].options.__setitem__(n, v)


def _use(spec: OpSpec, graph: Graph) -> None:
    """Calls what the planner calls on an accepted operator."""
    view = graph.view(graph.nodes[0])
    assert len(spec.access(view)) == len(view.inputs)
    assert spec.macs(view) >= 0
    spec.view(view), spec.is_noop(view), spec.as_clamp(view), spec.as_padding(view)
    used = [t for t in (*view.inputs, *view.outputs) if t is not None]
    if sum(t.elements for t in used) <= MAX_LOWERED:
        spec.lower(view, Lowering({t.id: Geom.dense(*hwc(t.shape)) for t in used}))


def _problems(spec: OpSpec, case: Case) -> Iterator[str]:
    base, fed, outs = case_model(spec, case)
    accepted = 0
    for what, edit in _edits(base):
        m = copy.deepcopy(base)
        edit(m)
        try:
            data = m.build([t for t in fed if m.tensors[t].data is None] or [0], outs)
        except (TypeError, OverflowError, ValueError, AttributeError):
            continue  # the field is narrower than the number
        try:
            with np.errstate(all="ignore"):
                result = outcome(data)
                if not isinstance(result, TinymlError):
                    accepted += 1
                    _use(spec, result)
        except Exception as error:  # noqa: BLE001 - finding these is the purpose
            trace = error.__traceback__
            while trace.tb_next is not None:
                trace = trace.tb_next
            yield f"{what}: {type(error).__name__} {error} at {trace.tb_frame.f_code.co_filename.split('/')[-1]}:{trace.tb_lineno}"
    if not accepted:
        yield "no edit was accepted: the edits do not reach the operator"


def _cases() -> list[tuple[OpSpec, Case]]:
    found = []
    for spec in model_ops().values():
        cases = list(spec.cases())
        step = max(1, len(cases) // CASES_PER_OPERATOR)
        found += [(spec, c) for c in cases[::step][:CASES_PER_OPERATOR]]
    return found


CASES = _cases()


@pytest.mark.parametrize(("spec", "case"), CASES, ids=[f"{s.name}-{c.name}" for s, c in CASES])
def test_one_thing_wrong(spec: OpSpec, case: Case) -> None:
    problems = list(_problems(spec, case))
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:40])

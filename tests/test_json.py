"""Graph, Schedule, Plan and Placement through JSON text and back: nothing that a later stage sees may change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from interpret import interpret
from random_graphs import random_model
from tinyml.codec import attrs_class, from_json, to_json
from tinyml.emit.project import emit_project
from tinyml.importers import import_model
from tinyml.ir import Graph, Node, Quant, Tensor
from tinyml.opspec import load_ops
from tinyml.passes import run_passes
from tinyml.passes.verify import verify
from tinyml.plan.check import check
from tinyml.plan.model import Plan, Schedule, Target
from tinyml.plan.place import Placement
from tinyml.plan.planner import make_plan, place

MODELS = ("ad01_int8", "ic_resnet8_float", "ic_resnet8_int8", "kws_dscnn_int8", "mcunet_vww", "str_ww_int8", "vww_96_int8")


def there_and_back(cls, obj):
    text = json.dumps(to_json(obj), allow_nan=False)
    back = from_json(cls, json.loads(text))
    assert json.dumps(to_json(back), allow_nan=False) == text
    return back


def _same_types(a, b) -> None:
    """The same classes all the way down, ints not turned into floats or lists into tuples."""
    assert type(a) is type(b), (a, b)
    if is_dataclass(a):
        for name in a.__dataclass_fields__:
            _same_types(getattr(a, name), getattr(b, name))
    elif isinstance(a, (tuple, list)):
        for x, y in zip(a, b, strict=True):
            _same_types(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for k in a:
            _same_types(a[k], b[k])
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def _round_trip(data: bytes) -> None:
    source = import_model(data, "m")
    graph = run_passes(source)
    for g in (source, graph):
        back = there_and_back(Graph, g)
        verify(back)
        _same_types(g, back)
    plan = make_plan(graph, Target())
    back = there_and_back(Plan, plan)
    check(back)
    assert emit_project(back, data, "m").files == emit_project(plan, data, "m").files
    there_and_back(Schedule, plan.schedule)
    placement = place(plan.schedule)
    assert there_and_back(Placement, placement) == placement


@pytest.mark.parametrize("seed", range(25))
def test_random_networks(seed: int) -> None:
    model = random_model(seed)
    _round_trip(model.data)
    g = import_model(model.data, "m")
    back = there_and_back(Graph, g)
    for y, e in zip(interpret(back, model.inputs(0)), interpret(g, model.inputs(0)), strict=True):
        np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("name", MODELS)
def test_real_models(name: str, shared_model: Callable[[str], Path]) -> None:
    _round_trip(shared_model(name).read_bytes())


@pytest.mark.parametrize("op", load_ops())
def test_every_operator_declares_its_attributes(op: str) -> None:
    cls = attrs_class(op)
    assert is_dataclass(cls) and cls.__dataclass_params__.frozen


@dataclass(frozen=True)
class Sample:
    numbers: dict[int, tuple[float, ...]]
    array: np.ndarray | None = None
    label: str = "none"
    pair: tuple[int, str] = (0, "")


def test_values_that_json_has_no_text_for() -> None:
    for value in (float("inf"), float("-inf"), 1e-45, -0.0, 3, 3.0):
        back = there_and_back(Sample, Sample({-1: (value,)})).numbers[-1][0]
        assert back == value and type(back) is type(value) and np.signbit(back) == np.signbit(value)
    assert np.isnan(there_and_back(Sample, Sample({0: (float("nan"),)})).numbers[0][0])
    for dtype in ("int8", "uint8", "int16", "int32", "int64", "float32", "bool", ">i4"):
        for shape in ((), (0,), (2, 3)):
            a = np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)
            back = there_and_back(Sample, Sample({}, a)).array
            assert back.shape == a.shape and back.dtype.name == a.dtype.name and not back.flags.writeable
            np.testing.assert_array_equal(back, a)


@pytest.mark.parametrize(
    ("cls", "data", "word"),
    [
        (Quant, [], "object"),
        (Quant, {"scale": [1.0]}, "zero_point"),
        (Quant, {"scale": [1.0], "zero_point": [0], "extra": 1}, "extra"),
        (Quant, {"scale": ["x"], "zero_point": [0]}, r"scale\[0\]"),
        (Quant, {"scale": [1.0], "zero_point": [0.5]}, "whole"),
        (Quant, {"scale": [1.0], "zero_point": [True]}, "whole"),
        (Node, {"op": "NONE", "inputs": [], "outputs": [], "attrs": {}, "index": 0}, "operator"),
        (Sample, {"numbers": {"a": []}}, "key"),
        (Sample, {"numbers": {}, "pair": [1]}, "2 entries"),
        (Sample, {"numbers": {}, "array": {"dtype": "int8", "shape": [2], "base64": "AA=="}}, "array"),
        (Sample, {"numbers": {}, "array": {"dtype": "O", "shape": [1], "base64": "AAAAAAAAAAA="}}, "array"),
        (Tensor, {"id": 0, "name": "t", "shape": [1], "dtype": "int9"}, "int9"),
    ],
)
def test_what_is_no_such_thing_is_refused(cls, data, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        from_json(cls, data)


def test_what_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(TypeError):
        to_json(Sample({0: object()}))  # type: ignore[arg-type]

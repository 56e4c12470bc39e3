"""The whole compiler on random networks: every pass alone, every plan, and the C they become, against LiteRT's kernels."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from banks import scattered
from case_build import build_cases, spread
from interpret import from_graph, interpret, to_graph
from random_graphs import RandomModel, random_model
from streams import chained, in_patches, in_strips, pushed, pushed_tiles, streamed
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.passes import PASSES, run_passes
from tinyml.passes.verify import verify
from tinyml.plan.model import Plan, Target
from tinyml.plan.planner import make_plan, plan_of, reorder
from tinyml.plan.schedule import make_schedule
from witness import litert_run

FAST, BATCH, MANY, ALL = 60, 20, 100, 1000  # `make test`, networks of a batch, `make slow`, `make long`
SAMPLES = 2
SWITCHES = [(v, i) for v in (True, False) for i in (True, False)]


@cache
def _expected(seed: int) -> tuple[RandomModel, Graph, list[tuple[list[np.ndarray], list[np.ndarray]]]]:
    """The model, its graph as imported, and (inputs, LiteRT's outputs) per sample."""
    model = random_model(seed)
    samples = [model.inputs(k) for k in range(SAMPLES)]
    return model, import_model(model.data, f"seed{seed}"), [(x, litert_run(model.data, x)) for x in samples]


def _assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray], where: str) -> None:
    for y, e in zip(ours, theirs, strict=True):
        assert y.dtype == e.dtype and y.shape == e.shape
        if e.dtype == np.float32:
            np.testing.assert_allclose(y, e, rtol=1e-5, atol=1e-5, err_msg=where)
        else:
            np.testing.assert_array_equal(y, e, err_msg=where)


def _plans(graph: Graph, seed: int) -> dict[str, Plan]:
    """By a name for each way to lay the graph out; one of them, by chance, also over two or three memory banks."""
    switches = seed % 5 == 0
    plan = make_plan(graph, Target())
    plans = {"isolated": spread(plan), "planned": plan}
    fused = streamed(reorder(graph), views=switches)
    if fused is not None:
        plans.update(streamed=fused, streamed_apart=spread(fused))
    blocks = chained(reorder(graph), 2 if switches else 4)
    if blocks is not None:
        plans.update(chained=blocks, chained_apart=spread(blocks))
    by_rows = pushed(reorder(graph))
    if by_rows is not None:
        plans.update(pushed=by_rows, pushed_apart=spread(by_rows))
    for name, make in (("patches", in_patches), ("strips", in_strips), ("pushed_tiles", pushed_tiles)):
        tiles = make(reorder(graph), seed)
        if tiles is not None:
            plans.update({name: tiles, f"{name}_apart": spread(tiles)})
    if switches:
        ordered = reorder(graph)
        for views, in_place in SWITCHES:
            plans[f"v{views:d}i{in_place:d}"] = plan_of(ordered, make_schedule(ordered, Target(), views, in_place))
    one = [p for name, p in plans.items() if "apart" not in name and name != "isolated"]
    several = scattered(one[seed % len(one)], 2 + seed % 2, seed)
    plans.update(banks=several, banks_apart=spread(several))
    return plans


def _run_seeds(seeds: range, folder: Path) -> None:
    graphs, plans = {}, {}
    for seed in seeds:
        graphs[seed] = run_passes(_expected(seed)[1])
        for way, plan in _plans(graphs[seed], seed).items():
            plans[f"s{seed}_{way}"] = plan
    program = build_cases(plans, folder)
    for name in plans:
        seed = int(name[1:].partition("_")[0])
        graph, (_, _, samples) = graphs[seed], _expected(seed)
        like = [np.empty(graph.tensors[t].shape, graph.tensors[t].dtype.numpy) for t in graph.outputs]
        for inputs, expected in samples:
            outputs = program.run(name, to_graph(graph, inputs), like)
            _assert_equal(from_graph(graph, outputs), expected, name)


@pytest.mark.parametrize("seed", range(FAST))
def test_references_and_passes_keep_the_outputs(seed: int) -> None:
    """Each pass alone, and all of them: bit-identical to the imported graph; the imported graph equals LiteRT."""
    _, graph, samples = _expected(seed)
    for inputs, expected in samples:
        before = interpret(graph, inputs)
        _assert_equal(before, expected, "as imported")
        for changed, name in [*((p(graph), p.__name__) for p in PASSES), (run_passes(graph), "all passes")]:
            verify(changed, name)
            for y, e in zip(interpret(changed, inputs), before, strict=True):
                np.testing.assert_array_equal(y, e, err_msg=name)


@pytest.mark.parametrize("first", range(0, FAST, BATCH))
def test_generated_c_equals_litert(first: int, tmp_path: Path) -> None:
    """Each buffer isolated, and as planned; for some also with views and in-place results switched off."""
    _run_seeds(range(first, first + BATCH), tmp_path)


@pytest.mark.parametrize(
    "first",
    [pytest.param(k, marks=pytest.mark.slow if k < FAST + MANY else pytest.mark.long) for k in range(FAST, ALL, BATCH)],
)
def test_many_more(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + BATCH):
        test_references_and_passes_keep_the_outputs(seed)
    _run_seeds(range(first, first + BATCH), tmp_path)


def test_every_construction_occurs() -> None:
    """The generator would be worthless if it stopped making what it promises."""
    seen = {op for seed in range(FAST) for op in random_model(seed).ops}
    wanted = (
        "CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD SUB MUL PAD CONCATENATION SPLIT SLICE STRIDED_SLICE RESHAPE SQUEEZE EXPAND_DIMS "
        "TRANSPOSE RELU RELU6 LEAKY_RELU LOGISTIC TANH HARD_SWISH SOFTMAX MEAN AVERAGE_POOL_2D MAX_POOL_2D RESIZE_BILINEAR "
        "RESIZE_NEAREST_NEIGHBOR QUANTIZE DEQUANTIZE"
    ).split()  # fmt: skip
    assert set(wanted) <= seen
    graphs = [_expected(seed)[1] for seed in range(FAST)]
    assert any(g.consumers.get(t) for g in graphs for t in g.outputs if t in g.producer), "an output that is read too"
    assert any(set(g.inputs) & set(g.outputs) for g in graphs), "an input that is an output"
    assert any(len(g.inputs) > 1 for g in graphs)
    assert any(run_passes(g).model_inputs for g in graphs), "a float edge"

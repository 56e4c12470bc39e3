"""Networks with tensors of 8, 4 and 2 bits through the whole compiler: the container, every way to plan them, and the generated C
under sanitizers against the operators' references."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from case_build import build_cases
from packed_graphs import narrowed
from packed_layers import layers
from random_graphs import random_model
from test_random_graphs import _plans
from tinyml.importers import import_model
from tinyml.importers.container import write
from tinyml.ir import Graph
from tinyml.passes import run_passes
from tinyml.passes.verify import verify
from tinyml.reference import run_graph
from tinyml.work import graph_bitops, graph_macs

FAST, MANY, ALL, BATCH = 12, 18, 114, 6  # `make test`, `make slow`, `make long`, networks of a batch


@cache
def _graph(seed: int) -> Graph:
    """Narrowed, and through the container."""
    graph = narrowed(run_passes(import_model(random_model(seed).data, f"seed{seed}")), seed)
    verify(graph)
    if graph.model_inputs or graph.model_outputs:
        return graph
    return run_passes(import_model(write(graph), f"seed{seed}"))


def _run_seeds(seeds: range, folder: Path) -> None:
    plans = {f"s{seed}_{way}": plan for seed in seeds for way, plan in _plans(_graph(seed), seed).items()}
    program = build_cases(plans, folder)
    for name in plans:
        graph = _graph(int(name[1:].partition("_")[0]))
        rng = np.random.default_rng(len(name))
        for _ in range(2):
            inputs = [
                rng.normal(0, 2, t.shape).astype(np.float32) if t.dtype.value == "float32"
                else rng.integers(np.iinfo(t.dtype.numpy).min, np.iinfo(t.dtype.numpy).max + 1, t.shape).astype(t.dtype.numpy)
                for t in (graph.tensors[k] for k in graph.inputs)
            ]  # fmt: skip
            values = run_graph(graph, inputs)
            like = [values[t] for t in graph.outputs]
            for y, e in zip(program.run(name, inputs, like), like, strict=True):
                if e.dtype == np.float32:
                    np.testing.assert_allclose(y, e, rtol=1e-5, atol=1e-5, err_msg=name)
                else:
                    np.testing.assert_array_equal(y, e, err_msg=name)


@pytest.mark.parametrize("first", range(0, FAST, BATCH))
def test_generated_c_equals_the_references(first: int, tmp_path: Path) -> None:
    _run_seeds(range(first, first + BATCH), tmp_path)


@pytest.mark.parametrize(
    "first", [pytest.param(k, marks=pytest.mark.slow if k < FAST + MANY else pytest.mark.long) for k in range(FAST, ALL, BATCH)]
)
def test_many_more(first: int, tmp_path: Path) -> None:
    _run_seeds(range(first, first + BATCH), tmp_path)


def test_the_networks_have_what_they_promise() -> None:
    types = {(t.dtype.value, t.is_const) for seed in range(FAST) for t in _graph(seed).tensors.values()}
    assert {(d, c) for d in ("int4", "int2") for c in (True, False)} <= types


def test_packed_tensors_cost_packed_bytes() -> None:
    (layer,) = layers("CONV_2D", (4, 2, 2), 1)
    x, y = layer.node.x, layer.node.y
    assert replace(x, shape=(1, 5, 6, 64)).bytes == 5 * 6 * 32 and replace(y, shape=(1, 5, 6, 5)).bytes == 5 * 6 * 2
    assert replace(x, shape=(7,)).bytes == 4 and replace(x, shape=(2, 7)).bytes == 8


@pytest.mark.parametrize("widths", [(8, 8, 4), (8, 4, 8), (4, 2, 8), (2, 8, 4)])
def test_bit_operations(widths: tuple[int, int, int]) -> None:
    """Multiply-accumulates times the bits of the input and of the weights."""
    (layer,) = layers("CONV_2D", widths, 1)
    n = layer.node
    tensors = {t.id: t for t in (*n.inputs, *n.outputs) if t is not None}
    graph = Graph("m", tensors, (n.node,), (n.x.id,), (n.y.id,))
    w = n.inputs[1]
    assert w is not None
    macs = n.y.elements * w.shape[1] * w.shape[2] * w.shape[3]
    assert graph_macs(graph) == macs and graph_bitops(graph) == macs * widths[0] * widths[1]

"""A second pass over part of the channels: random squeeze-and-excite blocks, split every way, against LiteRT's kernels; what the
search makes of them; and that the checker refuses channels that are not where they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from broken_plans import refused
from case_build import build_cases, spread
from interpret import from_graph, interpret, to_graph
from networks import Net
from streams import streamed
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.opspec import Ref
from tinyml.passes import run_passes
from tinyml.plan.model import Plan, RowStep, Stage, Target
from tinyml.plan.planner import Goal, make_plan
from tinyml.plan.recompute import Choice, choices, least_peak, repeated, repeats
from tinyml.report.macs import planned_macs
from tinyml.work import graph_macs
from witness import litert_run

SEEDS = range(8)


class Block(Net):
    """A random squeeze-and-excite block, quantised per channel, with what may stand around it."""

    def __init__(self, seed: int, large: bool = False):
        super().__init__()
        self.rng = np.random.default_rng(seed)
        height, width, inputs = (24, 24, 3) if large else (int(self.rng.integers(*r)) for r in ((6, 15), (5, 12), (1, 9)))
        stride = 1 if large else int(self.rng.integers(1, 3))
        # more than its source has in all
        self.channels = 64 if large else int(self.rng.integers(6, 45)) + 32 * (stride - 1)
        self.image = x = self.act((1, height, width, inputs))
        x = self.layer("CONV_2D", x, 8, 1, 1)
        t = self.layer("CONV_2D", x, self.channels, int(self.rng.choice([1, 1, 3])), 1)
        t = self.layer("DEPTHWISE_CONV_2D", t, self.channels, int(self.rng.choice([3, 3, 5])), stride)
        if seed % 3 == 0:
            mean = self.averaged(self.averaged(t, 2), 1)
        else:
            mean = self.mean(t)
        if seed % 4 == 1:  # two readers besides the product
            mean = self.add(mean, self.mean(t))
        gate = self.layer("CONV_2D", self.layer("CONV_2D", mean, 3, 1, 1), self.channels, 1, 1)
        out = self.layer("CONV_2D", self.mul(t, self.unary("LOGISTIC", gate, scale=1 / 256, zero_point=-128)), 8, 1, 1)
        if stride == 1 and seed % 2:
            out = self.add(out, x)
        self.data = self.build([self.image], [out])

    def layer(self, op: str, x: int, channels: int, k: int, stride: int) -> int:
        _, h, w, c = self._shape(x)
        deep = op == "DEPTHWISE_CONV_2D"
        shape = (1, k, k, channels) if deep else (channels, k, k, c)
        scales = tuple(float(np.float32(s)) for s in self.rng.uniform(0.001, 0.01, channels))
        weights = self.const(self.rng.integers(-127, 128, shape).astype(np.int8), scale=scales, zero_point=(0,) * channels, axis=3 * deep)
        bias = self.const(
            self.rng.integers(-999, 999, channels).astype(np.int32), scale=tuple(0.05 * s for s in scales), zero_point=(0,) * channels
        )
        options = {"Padding": 0, "StrideH": stride, "StrideW": stride, "DilationHFactor": 1, "DilationWFactor": 1}
        options |= {"DepthMultiplier": 1} if deep else {}
        out = self.act((1, -(-h // stride), -(-w // stride), channels), zero_point=int(self.rng.integers(-60, 60)))
        return self.op(op, [x, weights, bias], [out], options)[0]

    def averaged(self, x: int, axis: int) -> int:
        shape = tuple(1 if k == axis else d for k, d in enumerate(self._shape(x)))
        return self.op("MEAN", [x, self.ints([axis])], [self.act(shape, 0.03, 4)], {"KeepDims": True})[0]


@cache
def block(seed: int, large: bool = False) -> tuple[Block, Graph]:
    made = Block(seed, large)
    return made, run_passes(import_model(made.data, f"block{seed}"))


def image(made: Block, seed: int) -> np.ndarray:
    return np.random.default_rng(1000 + seed).integers(-128, 128, made._shape(made.image)).astype(np.int8)


def ways(graph: Graph, seed: int) -> dict[str, Graph]:
    """The graph with its block split in different ways, by a name for each."""
    (found,) = repeats(graph)
    assert found.split is not None
    some = int(np.random.default_rng(seed).integers(1, found.channels))
    picked = {(0, 3), (1, 1), (some, 1), (some, 2), (found.channels, 1)}
    return {f"{c}of{found.channels}in{g}": repeated(graph, [Choice(found, c, g)]) for c, g in sorted(picked)}


@pytest.mark.parametrize("first", range(0, len(SEEDS), 4))
def test_split_blocks_compute_what_litert_computes(first: int, tmp_path: Path) -> None:
    plans: dict[str, Plan] = {}
    for seed in SEEDS[first : first + 4]:
        _, graph = block(seed)
        for name, again in ways(graph, seed).items():
            plan = streamed(again, views=seed % 2 == 0)
            assert plan is not None
            plans[f"s{seed}_{name}"] = plan
            if name.endswith("2"):
                plans[f"s{seed}_{name}_apart"] = spread(plan)
        plans[f"s{seed}_least"] = make_plan(graph, Target(), goal=Goal("ram", 1.3))
        plans[f"s{seed}_pushed"] = make_plan(graph, Target(), goal=Goal("ram", 1.3, push_rows=True))
    program = build_cases(plans, tmp_path)
    for name in plans:
        seed = int(name[1:].partition("_")[0])
        made, graph = block(seed)
        x = image(made, seed)
        (expected,) = litert_run(made.data, [x])
        like = [np.empty(graph.tensors[t].shape, graph.tensors[t].dtype.numpy) for t in graph.outputs]
        (y,) = from_graph(graph, program.run(name, to_graph(graph, [x]), like))
        assert len(np.unique(expected)) > 8, "a test that sees nothing"
        np.testing.assert_array_equal(y, expected, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_graph_repeats_what_it_says(seed: int) -> None:
    """Nodes are those of the block twice, its channels' multiply-accumulates exactly those chosen, outputs bit-identical."""
    made, graph = block(seed)
    (found,) = repeats(graph)
    inputs = to_graph(graph, [image(made, seed)])
    for name, again in ways(graph, seed).items():
        chosen = int(name.partition("of")[0])
        assert graph_macs(again) - graph_macs(graph) == found.macs * chosen // found.channels, name
        np.testing.assert_array_equal(interpret(again, inputs)[0], interpret(graph, inputs)[0], err_msg=name)


def test_more_channels_are_repeated_where_less_room_is_aimed_at() -> None:
    _, graph = block(3, large=True)
    found = repeats(graph)
    taken = [sum(c.channels for c in choices(found, peak)) for peak in range(0, 60_000, 200)]
    assert taken == sorted(taken, reverse=True) and taken[0] == found[0].channels and taken[-1] == 0
    assert 0 < len([n for n in taken if 0 < n < found[0].channels])
    for extra in (0, found[0].macs // 3, found[0].macs):
        peak = least_peak(found, extra)
        assert sum(c.macs for c in choices(found, peak)) <= extra
        assert peak == 0 or sum(c.macs for c in choices(found, peak - 1)) > extra


def split_in_half() -> Plan:
    _, graph = block(1)
    (found,) = repeats(graph)
    plan = streamed(repeated(graph, [Choice(found, found.channels // 2)]))
    assert plan is not None
    return plan


def joining(plan: Plan) -> tuple[int, Stage, RowStep]:
    """Step, stage and row step that join the two groups row by row."""
    for k, stage in plan.schedule.stages():
        for r in stage.rows:
            if r.node >= 0 and plan.graph.nodes[r.node].op == "CONCATENATION" and r.events > 1:
                return k, stage, r
    raise AssertionError


def test_the_repeated_channels_are_written_where_the_joined_row_has_them() -> None:
    plan = split_in_half()
    _, _, row = joining(plan)
    kept, again = (plan.schedule.layouts[t] for t in plan.graph.nodes[row.node].inputs if t is not None)
    out = plan.schedule.layouts[row.operands[-1].tensor]
    assert again.buffer == out.buffer != kept.buffer
    assert again.offset_bytes == kept.geom.c and again.geom.px_stride == out.geom.px_stride == kept.geom.c + again.geom.c
    assert len(row.calls) == 1, "one of the parts is copied"


def changed(plan: Plan, change: Callable[[RowStep], RowStep]) -> Plan:
    k, stage, row = joining(plan)
    step = replace(stage, rows=tuple(change(r) if r is row else r for r in stage.rows))
    return replace(plan, schedule=replace(plan.schedule, steps=(*plan.schedule.steps[:k], step, *plan.schedule.steps[k + 1 :])))


def test_channels_one_further_on_are_refused() -> None:
    plan = split_in_half()
    _, _, row = joining(plan)
    t = row.operands[1].tensor
    at = plan.schedule.layouts[t]
    moved = {**plan.schedule.layouts, t: replace(at, offset_bytes=at.offset_bytes - 1)}
    refused(replace(plan, schedule=replace(plan.schedule, layouts=moved)), "CONCATENATION", "leaves out one that does not")


def test_a_part_that_nobody_copies_is_refused() -> None:
    def without(r: RowStep) -> RowStep:
        return replace(r, calls=())

    refused(changed(split_in_half(), without), "leaves out one that does not")


def test_a_part_that_is_copied_onto_itself_is_refused() -> None:
    def twice(r: RowStep) -> RowStep:
        call = r.calls[0]
        args = tuple(Ref(r.operands[1].tensor) if isinstance(a, Ref) and a.tensor == r.operands[0].tensor else a for a in call.args)
        return replace(r, calls=(*r.calls, replace(call, args=args)))

    refused(changed(split_in_half(), twice), "copies a part that lies in the output already")


def test_the_least_arena_falls_with_what_may_be_computed_twice() -> None:
    """Between all of the tensor kept and all of it computed twice lie plans with part of it, and none repeats more than allowed."""
    _, graph = block(3, large=True)
    (found,) = repeats(graph)
    total, arenas = graph_macs(graph), []
    for part in (0.0, 0.5, 1.0):
        limit = 1 + part * found.macs / total + 1e-6
        plan = make_plan(graph, Target(), goal=Goal("ram", limit))
        assert planned_macs(plan.graph, plan.schedule) <= limit * total
        arenas.append(plan.arena_bytes)
    assert arenas[0] > 1.1 * arenas[1] > 1.1 * arenas[2], arenas

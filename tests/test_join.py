"""Two operators as one (plan/join.py), and kernels chosen for the room that a plan leaves (plan/room.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import needs
from interpret import interpret
from networks import Net, ops
from tinyml.cli import main
from tinyml.codec import from_json, to_json
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.opspec import load_ops, model_ops
from tinyml.passes import run_passes
from tinyml.plan.join import Pair, best_joined, joined, pairs
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, make_plan

DSP = Target(frozenset({"dsp"}), "ram")
RAM = Goal("ram", 1.02)


def mobile(side: int = 13) -> tuple[Net, list[int], list[int]]:
    """Three depthwise layers with pointwise ones behind them, odd widths and odd numbers of channels, a residual block between."""
    net = Net()
    x = net.act((1, side, side, 3))
    a = net.conv(x, 12, 3, stride=2)
    b = net.conv(net.depthwise(a), 12)
    c = net.add(a, net.conv(net.depthwise(b, 5), 12))
    d = net.conv(net.depthwise(c, 3, stride=2), 10)
    return net, [x], [net.mean(d)]


def built() -> Graph:
    net, inputs, outputs = mobile()
    return net.graph(inputs, outputs)


def some_input(graph: Graph) -> list[np.ndarray]:
    return [np.random.default_rng(1).integers(-128, 128, graph.tensors[t].shape).astype(np.int8) for t in graph.inputs]


def test_a_joined_graph_computes_the_same() -> None:
    graph = built()
    found = pairs(graph, DSP)
    assert len(found) == 3
    for chosen in (found, found[:1], found[1:]):
        both = joined(graph, chosen)
        assert ops(both).count("SEPARABLE_CONV_2D") == len(chosen) and len(both.nodes) == len(graph.nodes) - len(chosen)
        for y, e in zip(interpret(both, some_input(graph)), interpret(graph, some_input(graph)), strict=True):
            np.testing.assert_array_equal(y, e)
    specs = load_ops()
    count = [sum(specs[n.op].macs(g.view(n)) for n in g.nodes) for g in (graph, joined(graph, found))]
    assert count[0] == count[1]


def test_a_joined_graph_has_a_json_form() -> None:
    graph = built()
    both = joined(graph, pairs(graph, DSP))
    back = from_json(Graph, to_json(both))
    assert back.nodes == both.nodes and "SEPARABLE_CONV_2D" in ops(back)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Target(frozenset(), "ram"), "the core has no kernel"),
        (Target(frozenset({"dsp", "mve"}), "ram"), "its kernels for the two are faster"),
        (replace(DSP, scratch_bytes=0), "there is no scratch"),
    ],
)
def test_targets_without_the_kernel_join_nothing(target: Target, why: str) -> None:
    assert pairs(built(), target) == (), why


def joins(tail: Callable[[Net, int, int], list[int]], c: int = 8, k: int = 1, stride: int = 1) -> tuple[Pair, ...]:
    net = Net()
    x = net.act((1, 9, 9, c))
    inner = net.depthwise(x)
    y = net.conv(inner, 6, k, stride)
    return pairs(net.graph([x], tail(net, inner, y)), DSP)


def test_only_what_a_pointwise_convolution_alone_reads_is_joined() -> None:
    assert len(joins(lambda net, inner, y: [y])) == 1
    assert joins(lambda net, inner, y: [y, inner]) == (), "the caller reads what lies between"
    assert joins(lambda net, inner, y: [y, net.mean(inner)]) == (), "another operator does"
    assert joins(lambda net, inner, y: [y], k=3) == () and joins(lambda net, inner, y: [y], stride=2) == ()
    assert joins(lambda net, inner, y: [y], c=6) == (), "the kernel takes channels by four"


def test_pairs_are_joined_where_that_lowers_the_graph() -> None:
    graph = built()
    found = pairs(graph, DSP)
    wanted = {found[1].node.index}

    def height(g: Graph) -> int:
        return 100 - sum(n.op == "SEPARABLE_CONV_2D" and n.index in wanted for n in g.nodes)

    best = best_joined(graph, found, height)
    assert [n.index for n in best.nodes if n.op == "SEPARABLE_CONV_2D"] == [found[1].node.index]
    assert best_joined(graph, found, lambda g: 1) is graph


def test_no_file_has_a_joined_operator() -> None:
    assert "SEPARABLE_CONV_2D" in load_ops() and "SEPARABLE_CONV_2D" not in model_ops()


def test_plans_join_what_makes_them_smaller() -> None:
    graph = built()
    with_kernel = make_plan(graph, DSP, goal=RAM)
    assert "SEPARABLE_CONV_2D" in ops(with_kernel.graph)
    assert "SEPARABLE_CONV_2D" not in ops(make_plan(graph, DSP).graph), "layer by layer nothing is joined"


def test_steps_get_the_fastest_kernels_that_their_room_allows(shared_model: Callable[[str], Path]) -> None:
    graph = run_passes(import_model(shared_model("kws_dscnn_int8").read_bytes(), "kws"))
    plan = make_plan(graph, DSP, goal=RAM)
    calls = {c.func for s in plan.schedule.steps for c in s.calls}
    # 128 bytes of scratch that the layer alone would not be given
    assert "tm_fully_connected_i8_pairs_dsp" in calls
    sizes = {b.id: b.size_bytes for b in plan.schedule.buffers}
    assert all(plan.offsets[b] + size <= plan.arena_bytes for b, size in sizes.items())


def verified(net: Net, inputs: list[int], outputs: list[int], mode: str, folder: Path) -> bool:
    """Whether the smallest firmware equals LiteRT on an emulated core."""
    model = folder / "network.tflite"
    model.write_bytes(net.build(inputs, outputs))
    words = ["--board", "stm32f746", "--on", "emulator", "--optimize", "ram", "--input-mode", mode, "--samples", "3"]
    return main(["verify", str(model), *words]) == 0


@needs("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("mode", ["whole", "rows"])
def test_joined_firmware_equals_litert(mode: str, tmp_path: Path) -> None:
    assert verified(*mobile(), mode, tmp_path)


@needs("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("side", [15, 17])
def test_sums_over_rows_equal_litert(side: int, tmp_path: Path) -> None:
    """15 x 15 pixels are the most that a short sum holds with square images; 18 channels are no multiple of four."""
    net = Net()
    x = net.act((1, side, side, 8))
    out = net.mean(net.conv(x, 18))
    graph = net.graph([x], [out])
    calls = {c.func for s in make_plan(graph, DSP, goal=replace(RAM, push_rows=True)).schedule.steps for c in s.calls}
    assert "tm_mean_i8_rows" in calls
    assert verified(net, [x], [out], "rows", tmp_path)

"""A tolerance and budgets together: int8 and narrower, int16 and float32 operators chosen by one programme."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import numpy as np
import pytest

from test_quantize import FloatNet, labelled, residual, samples
from test_quantize_relief import calibration, error, spread_out
from tinyml.board import load_board
from tinyml.cli import main
from tinyml.commands import quantize_pace
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.quantize.costs import Costs, costs_of
from tinyml.quantize.kinds import FLOAT, KINDS, PRICE, Kinds, cheapest_kinds
from tinyml.quantize.network import load_network
from tinyml.quantize.offers import Offers
from tinyml.quantize.quantise import EIGHT, Prepared, prepare, quantise
from tinyml.quantize.relief import Losses
from tinyml.quantize.search import Budget
from tinyml.quantize.speed import graph_instructions, kinds_speed, node_instructions, speed_of

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Three convolutions between which activations can have any width."""
    return prepare(load_network(spread_out(), "m"), calibration())


def random_losses(p: Prepared, seed: int) -> Losses:
    rng = np.random.default_rng(seed)
    groups = list(dict.fromkeys(p.tied.values()))
    activations = {(g, b): float(rng.uniform(0.2, 1) * 4.0**-b) for g in groups for b in (8, 16)}
    activations.update({(g, 4): float(rng.uniform(0.2, 1) * 4.0**-4) for g in p.free_groups})
    weights = {(i, b): float(rng.uniform(0.2, 1) * 4.0 ** -min(b, 6)) for i in p.layer_nodes for b in (8, 4)}
    return Losses(activations, weights)


def every(p: Prepared) -> Iterator[tuple[dict[int, int], dict[int, int], dict[int, int]]]:
    """Kinds by operator, weights by layer, and the one form of each group that its operators agree on: the widest with the coarsest error.
    What is narrow touches int8 operators alone."""
    nodes = [n for n in p.graph.nodes if n.index in p.quantised]
    touched = {g: [n.index for n in nodes if g in {p.tied.get(t) for t in (*n.inputs, *n.outputs)}] for g in p.tied.values()}
    for kinds in itertools.product(KINDS, repeat=len(nodes)):
        kind = dict(zip((n.index for n in nodes), kinds, strict=True))
        narrow = [g for g in p.free_groups if all(kind[i] == 8 for i in touched[g])]
        low = [i for i in p.layer_nodes if kind[i] == 8]
        for w in itertools.product((8, 4), repeat=len(low)):
            for a in itertools.product((8, 4), repeat=len(narrow)):
                yield kind, dict(zip(low, w, strict=True)), dict(zip(narrow, a, strict=True))


def figures(c: Costs, lost: Losses, kind: dict[int, int], weights: dict[int, int], narrow: dict[int, int]) -> tuple[float, ...]:
    """Price, error, bytes of weights, bit operations and most bytes alive, worked out without a programme."""
    p = c.prepared
    price, macs = 0.0, {layer.index: layer.macs for layer in c.layers}
    for n in p.graph.nodes:
        price += PRICE[kind[n.index]] * max(macs.get(n.index, 0), p.graph.tensors[n.outputs[0]].elements)
    error, size, bitops = 0.0, 0, c.bitops(EIGHT) - sum(64 * m for m in macs.values())
    forms: dict[int, set[int]] = {}
    ends = {p.tied[t] for t in (*p.graph.inputs, *p.graph.outputs)}
    for n in p.graph.nodes:
        for g in {p.tied[t] for t in (*n.inputs, *n.outputs) if t in p.tied}:
            forms.setdefault(g, {8} if g in ends else set()).add(kind[n.index])
    for g, bits in forms.items():
        if g in narrow:
            forms[g] = {narrow[g]}
        if 8 in bits:  # what int8 operators have seen is not finer for int16 ones
            forms[g] -= {16}
        error += sum(lost.activations[g, b] for b in forms[g] if b < FLOAT)
    for layer in c.layers:
        k = kind[layer.index]
        bits = weights.get(layer.index, 8)
        size += layer.bytes(bits if k == 8 else 8 if k == 16 else 32)
        error += 0 if k == FLOAT else lost.weights[layer.index, bits]
        reads = narrow.get(layer.group, 8) if k == 8 else k
        bitops += layer.macs * reads * (FLOAT if k == FLOAT else bits)
    peak = 0
    for live, rest in _steps(c):
        peak = max(peak, rest + sum(-(-channels * b // 8) * pixels for g, pixels, channels in live for b in forms[g]))
    return price, error, size, bitops, peak


def _steps(c: Costs) -> list[tuple[list[tuple[int, int, int]], int]]:
    """In a chain: what each operator reads and writes."""
    graph, tied = c.prepared.graph, c.prepared.tied
    steps = []
    for n in graph.nodes:
        live = [
            (tied[t], graph.tensors[t].elements // graph.tensors[t].shape[-1], graph.tensors[t].shape[-1])
            for t in (n.inputs[0], n.outputs[0])
        ]
        steps.append((live, 0))
    return steps


@pytest.mark.parametrize("seed", range(6))
def test_choice_is_the_cheapest_of_all_and_of_these_the_best(prepared: Prepared, seed: int) -> None:
    lost, c, rng = random_losses(prepared, seed), costs_of(prepared), np.random.default_rng(seed)
    tolerance = float(4.0 ** -rng.uniform(3, 6))
    found = {k: figures(c, lost, *choice) for k, choice in enumerate(every(prepared))}
    eight = next(
        f for f, (kind, w, a) in zip(found.values(), every(prepared), strict=True) if {*kind.values(), *w.values(), *a.values()} == {8}
    )
    budget = Budget(
        int(eight[2] * rng.uniform(0.6, 1.3)),
        int(eight[4] * rng.uniform(0.8, 1.6)) if seed % 2 else None,
        int(eight[3] * rng.uniform(0.6, 2.0)) if seed % 3 else None,
    )
    most = (np.inf, tolerance, budget.weight_bytes, budget.bitops or np.inf, budget.peak_bytes or np.inf)
    fitting = [f for f in found.values() if all(a <= b for a, b in zip(f, most, strict=True))]
    kinds = cheapest_kinds(c, lost, tolerance, budget)
    assert (kinds is None) == (not fitting)
    if kinds is not None:
        best = min(fitting)
        assert (kinds.price, kinds.error) == pytest.approx(best[:2], rel=1e-5)
        chosen = {n.index: 16 if n.index in kinds.wide else FLOAT if n.index in kinds.float32 else 8 for n in prepared.graph.nodes}
        got = figures(c, lost, chosen, dict(kinds.weights), dict(kinds.activations))
        assert all(a <= b for a, b in zip(got[2:], most[2:], strict=True))
    least = cheapest_kinds(c, lost, None, budget)
    fitting = [f for f in found.values() if all(a <= b for a, b in zip(f[2:], most[2:], strict=True))]
    assert (least is None) == (not fitting)
    if least is not None:
        assert least.error == pytest.approx(min(f[1] for f in fitting), rel=1e-5)


def test_budgets_take_widths_below_8_and_a_tolerance_int16(prepared: Prepared) -> None:
    """What the one forbids the other allows: the first layer has to be wide, the budget makes the others narrow."""
    c = costs_of(prepared)
    first, *others = prepared.layer_nodes
    groups = list(dict.fromkeys(prepared.tied.values()))
    inner = prepared.free_groups[0]
    activations = {(g, b): 0.5 if g == inner and b == 8 else 1e-6 for g in groups for b in (8, 16)}
    weights = {(i, b): 1e-6 * (9 - b) for i in (first, *others) for b in (8, 4)}
    kinds = cheapest_kinds(c, Losses(activations, weights), 0.01, Budget(weight_bytes=int(0.8 * c.weight_bytes(EIGHT))))
    assert isinstance(kinds, Kinds) and kinds.wide and set(kinds.weights.values()) == {4}
    assert not kinds.float32 and not kinds.wide & set(kinds.weights)


def test_kinds_have_their_instructions(prepared: Prepared) -> None:
    recipe, network = quantise(prepared.network, prepared.data)
    isa = load_board("stm32f405").isa
    base = graph_instructions(network.graph, isa)
    speed = speed_of(recipe, Offers((), {}), isa)
    more = kinds_speed(recipe, isa, PRICE[FLOAT])
    assert speed.base == pytest.approx(base)
    all_wide, made = quantise(prepared.network, prepared.data, dtype="int16")
    wide = {n.index: node_instructions(made.graph.view(n), isa) for n in made.graph.nodes}
    same = [i for i, kind in more if kind == 16 and i in all_wide.prepared.quantised]
    eight = {n.index: node_instructions(network.graph.view(n), isa) for n in network.graph.nodes}
    assert len(same) > 1 and all(more[i, 16] == pytest.approx(wide[i] - eight[i]) for i in same)
    assert all(n >= 0 for (_, kind), n in more.items() if kind == FLOAT) and max(more.values()) > base


# ---------------------------------------------------------------- the command


@pytest.fixture
def files(tmp_path):
    model, x = residual(), samples((1, 8, 8, 3))
    (tmp_path / "m.tflite").write_bytes(model)
    np.savez(tmp_path / "d.npz", inputs=x[:, 0], labels=labelled(model, x))
    return tmp_path


def run(files, out: str, *extra: str) -> int:
    return main(["quantize", str(files / "m.tflite"), "--data", str(files / "d.npz"), "-o", str(files / out), "--json", *extra])


def cancelling() -> bytes:
    """Something large is added and taken away again, for which int8 has too few steps; a large layer behind it that takes 4 bits."""
    n = FloatNet(7)
    x = n.act((1, 6, 6, 4), None)
    small, large = n.conv(x, 16), n.elementwise("MUL", n.conv(x, 16, k=1), n.vector(16, 40, 60))
    y = n.elementwise("SUB", n.elementwise("ADD", small, large), large)
    return n.build([x], [n.conv(y, 32)])


def test_a_tolerance_within_a_flash_budget(tmp_path, capsys) -> None:
    """4-bit weights for the budget and int16 for the tolerance in one file, which LiteRT runs; the same file again for the same seed."""
    (tmp_path / "m.tflite").write_bytes(cancelling())
    np.savez(tmp_path / "d.npz", inputs=samples((1, 6, 6, 4), 48)[:, 0])
    words = ("--metric", "error", "--flash", "75%")
    assert run(tmp_path, "tight.tflite", *words) == 0
    assert json.loads(capsys.readouterr().out)["quantised"]["error"] > 0.05
    words = (*words, "--tolerance", "3%")
    assert run(tmp_path, "q.tflite", *words) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["weights"] <= 0.75 * result["int8"]["weights"] and result["quantised"]["error"] <= 0.03
    assert {"ADD", "SUB"} <= {name.split()[1] for name in result["int16"]} and not result["float_islands"]
    assert 4 in {row["weights"] for row in result["widths"]}
    quantised = (tmp_path / "q.tflite").read_bytes()
    assert {DType.INT4, DType.INT16, DType.INT8} <= {t.dtype for t in import_model(quantised, "q").tensors.values()}
    assert error(cancelling(), quantised, samples((1, 6, 6, 4), 8, 9)) < 0.04
    assert main(["verify", str(tmp_path / "q.tflite"), "--board", "host", "--samples", "5"]) == 0
    capsys.readouterr()
    assert run(tmp_path, "again.tflite", *words) == 0
    assert (tmp_path / "again.tflite").read_bytes() == quantised


def test_a_tolerance_with_bit_operations_and_instructions(files, capsys, monkeypatch) -> None:
    monkeypatch.setattr(quantize_pace, "missing_tools", lambda board, purpose: ["none"])
    words = ("--tolerance", "20%", "--bitops", "60%", "--board", "stm32f405")
    assert run(files, "a.tml", *words, "--instructions", "900%") == 0
    free = json.loads(capsys.readouterr().out)
    assert free["bitops"] <= 0.6 * free["int8"]["bitops"] and free["quantised"]["error"] <= 0.2
    less = (free["instructions"] + free["int8"]["instructions"]) // 2
    assert run(files, "b.tml", *words, "--instructions", str(less)) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["instructions"] <= less < free["instructions"] and result["bitops"] <= 0.6 * result["int8"]["bitops"]


def test_what_no_choice_keeps(files, capsys) -> None:
    assert run(files, "q.tflite", "--tolerance", "0.0001%", "--flash", "85%") == 5
    said = capsys.readouterr().err.splitlines()[-1]
    assert "no choice of kinds and widths" in said and "the nearest that was made comes to" in said and not (files / "q.tflite").exists()


@pytest.mark.parametrize("other", [("--patches", "2x2"), ("--front",), ("--activations", "int16")])
def test_what_makes_no_sense_beside_a_tolerance(files, capsys, other) -> None:
    assert run(files, "q.tflite", "--tolerance", "1%", *other) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "--tolerance" in said[0] and other[0] in said[0] and not (files / "q.tflite").exists()

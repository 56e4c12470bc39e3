"""The search for widths: costs, the integer programme, what is on offer, and the command with budgets."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from conftest import needs
from test_quantize import FloatNet, labelled, residual, samples
from tinyml.board import load_board
from tinyml.cli import main
from tinyml.commands import quantize_pace
from tinyml.exporters.tflite import write_tflite
from tinyml.importers import import_model
from tinyml.importers.container import write
from tinyml.ir import DType
from tinyml.passes import run_passes
from tinyml.pipeline import compile_model
from tinyml.plan.planner import Goal
from tinyml.quantize import budget
from tinyml.quantize.budget import Limits, Made, Search, best_within
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.costs import Costs, Speed, costs_of
from tinyml.quantize.network import load_network
from tinyml.quantize.offers import candidate, offers, pareto
from tinyml.quantize.quantise import EIGHT, Prepared, Recipe, Widths, choose, prepare
from tinyml.quantize.rounding import adaptive, channel_scales, limits, nearest
from tinyml.quantize.search import Budget, predicted, solve
from tinyml.quantize.sensitivity import Sensitivity, measure
from tinyml.quantize.speed import graph_instructions, speed_of

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    model, x = residual(), samples((1, 8, 8, 3))
    return prepare(load_network(model, "m"), Calibration((x,), labelled(model, x)))


def random_errors(costs: Costs, seed: int) -> Sensitivity:
    rng = np.random.default_rng(seed)
    return Sensitivity(
        {(layer.index, b): float(rng.uniform(0, 1) * 4 / b**2) for layer in costs.layers for b in (4, 2)},
        {(g, b): float(rng.uniform(0, 1) * 4 / b**2) for g in costs.groups for b in (4, 2)},
    )


@pytest.mark.parametrize("seed", range(4))
def test_choice_is_the_best_of_all(prepared, seed):
    """Against every choice that there is, for a part of the network's tensors."""
    costs = costs_of(prepared)
    few = costs.groups[:3]
    errors = random_errors(costs, seed)
    least = costs.bitops(Widths({layer.index: 4 for layer in costs.layers}, {g: 4 for g in few}))
    rng = np.random.default_rng(seed)
    budget = Budget(
        int(costs.weight_bytes(EIGHT) * rng.uniform(0.5, 0.9)),
        int(costs.peak_bytes(EIGHT) * rng.uniform(0.6, 1.0)) if seed % 2 else None,
        int(least + (costs.bitops(EIGHT) - least) * rng.uniform(0.1, 0.6)),
    )
    narrow = {g: (4,) for g in few}
    if seed > 1:  # instructions too: half of what the widest choice adds
        dear = {key: float(rng.uniform(0, 100)) for key in [*errors.weights, *((g, 4) for g in few)]}
        costs = replace(costs, speed=Speed(1000.0, {k: dear[k] for k in errors.weights}, {(g, 4): dear[g, 4] for g in few}, ((frozenset(few[:2]), 70.0),)))
        every = Widths({layer.index: 4 for layer in costs.layers}, {g: 4 for g in few})
        budget = replace(budget, instructions=int((1000 + costs.instructions(every)) / 2))
    best = None
    for w in itertools.product((8, 4), repeat=len(costs.layers)):
        for a in itertools.product((8, 4), repeat=len(few)):
            choice = Widths({layer.index: b for layer, b in zip(costs.layers, w, strict=True)}, dict(zip(few, a, strict=True)))
            fits = costs.weight_bytes(choice) <= budget.weight_bytes and costs.bitops(choice) <= budget.bitops
            fits = fits and (budget.instructions is None or costs.instructions(choice) <= budget.instructions)
            fits = fits and (budget.peak_bytes is None or costs.peak_bytes(choice) <= budget.peak_bytes)
            if fits and (best is None or predicted(errors, choice) < best):
                best = predicted(errors, choice)
    solved = solve(costs, errors, (4,), narrow, budget)
    assert (solved is None) == (best is None)
    if solved is not None:
        choice, error = solved
        assert error == pytest.approx(best, abs=1e-6)
        assert costs.weight_bytes(choice) <= budget.weight_bytes and costs.bitops(choice) <= budget.bitops


@pytest.mark.parametrize("isa", [frozenset(), frozenset({"dsp"}), frozenset({"rv32imc"})], ids=str)
def test_instructions_of_widths_add_up(prepared, isa):
    """What widths are predicted to add is what the kernels of the network made with them say, within a tenth."""
    eight, offered = choose(prepared), offers(prepared, plain=False)
    speed = speed_of(eight, offered, isa)
    assert speed.base == pytest.approx(graph_instructions(eight.network().graph, isa), rel=1e-6)
    layers, groups = prepared.layer_nodes, [g for g, widths in offered.activations.items() if 2 in widths]
    choices = (
        Widths({k: 4 for k in layers}),
        Widths({layers[0]: 2}),
        Widths({}, {g: 4 for g in groups}),
        Widths({k: 4 for k in layers[1:]}, {groups[0]: 2}),
    )
    for widths in choices:
        said, made = speed.instructions(widths), graph_instructions(choose(prepared, widths).network().graph, isa)
        assert said > speed.base and said == pytest.approx(made, rel=0.1)


def test_the_nearest_exceeds_all_budgets_by_the_least_share(prepared):
    costs = costs_of(prepared)
    errors, narrow = random_errors(costs, 0), {g: (4,) for g in costs.groups}
    budget = Budget(costs.weight_bytes(EIGHT) // 8, None, costs.bitops(EIGHT) // 10)
    assert solve(costs, errors, (4,), narrow, budget) is None
    widths, _ = solve(costs, errors, (4,), narrow, budget, nearest=True)
    over = max(costs.weight_bytes(widths) / budget.weight_bytes, costs.bitops(widths) / budget.bitops)
    least = Widths({layer.index: 4 for layer in costs.layers}, {g: 4 for g in costs.groups})
    assert over == pytest.approx(max(costs.weight_bytes(least) / budget.weight_bytes, costs.bitops(least) / budget.bitops), rel=1e-6)


def test_costs_of_int8(prepared):
    costs, graph = costs_of(prepared), prepared.graph
    weights = {n.inputs[1] for n in graph.nodes if n.index in prepared.layer_nodes}
    assert costs.weight_bytes(EIGHT) == sum(graph.tensors[t].elements for t in weights)
    assert costs.bitops(EIGHT) == 64 * sum(layer.macs for layer in costs.layers)
    half = Widths({layer.index: 4 for layer in costs.layers})
    assert 2 * costs.bitops(half) == costs.bitops(EIGHT)
    assert costs.peak_bytes(EIGHT) == 3 * 8 * 8 * 8  # the residual's two operands and what it makes


def test_narrow_rounding_is_best_for_the_outputs():
    """Adaptive rounding beats rounding to nearest where inputs depend on each other, and no single step improves it."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (400, 6)).astype(np.float32) @ rng.normal(0, 1, (6, 24)).astype(np.float32)
    w = rng.normal(0, 1, (5, 24)).astype(np.float32)
    gram = x.T @ x

    def loss(real: np.ndarray) -> np.ndarray:
        return np.einsum("mk,kj,mj->m", real - w, gram, real - w)

    for bits in (4, 2):
        ours = adaptive(w, gram, bits)
        plain = nearest(w, channel_scales(w, bits, np.ones(24, np.float32)), bits)
        assert (loss(ours.real) < 0.5 * loss(plain.real)).all()
        lo, hi = limits(bits)
        assert ours.q.min() >= lo and ours.q.max() <= hi
        ridge = gram + np.eye(24) * 1e-3 * np.diag(gram).mean()
        for m, k, step in itertools.product(range(5), range(24), (-1, 1)):
            moved = ours.q.astype(np.float64)
            moved[m, k] += step
            if lo <= moved[m, k] <= hi:
                e, f = (ours.q * ours.scale[:, None] - w)[m], (moved * ours.scale[:, None] - w)[m]
                assert f @ ridge @ f >= e @ ridge @ e * (1 - 1e-5)


def test_narrower_is_worse(prepared):
    offered = offers(prepared, plain=False)
    assert 4 in offered.weights and any(offered.activations.values())
    s = measure(prepared, (4, 2), {g: (4, 2) for g in prepared.free_groups}, 0)
    worse = [s.weights[i, 2] > s.weights[i, 4] > 0 for i, b in s.weights if b == 4]
    worse += [s.activations[g, 2] > s.activations[g, 4] > 0 for g, b in s.activations if b == 4]
    assert np.mean(worse) > 0.9


def test_tflite_offers_4_bit_weights_only(prepared):
    plain = offers(prepared, plain=True)
    assert plain.weights == (4,) and not any(plain.activations.values())


def test_front_keeps_what_nothing_betters(prepared):
    costs = costs_of(prepared)
    layers = [layer.index for layer in costs.layers]
    good, same, bad = (candidate(costs, Widths({k: b for k in layers}), e) for b, e in ((4, 0.1), (4, 0.1), (8, 0.2)))
    kept = pareto([bad, same, good])
    assert len(kept) == 1 and kept[0].figures == good.figures


# ---------------------------------------------------------------- the command


@pytest.fixture
def files(tmp_path):
    model, x = residual(), samples((1, 8, 8, 3))
    (tmp_path / "m.tflite").write_bytes(model)
    np.savez(tmp_path / "d.npz", inputs=x[:, 0], labels=labelled(model, x))
    return tmp_path


def run(files, out: str, *extra: str) -> int:
    return main(["quantize", str(files / "m.tflite"), "--data", str(files / "d.npz"), "-o", str(files / out), "--json", *extra])


def test_budgets_are_kept_and_the_file_builds(files, capsys):
    assert run(files, "q.tml", "--flash", "70%", "--bitops", "40%", "--front", "--plot", str(files / "f.svg")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["weights"] <= 0.7 * result["int8"]["weights"] and result["bitops"] <= 0.4 * result["int8"]["bitops"]
    kinds = {t.dtype for t in import_model((files / "q.tml").read_bytes(), "q.tml").tensors.values()}
    assert DType.INT4 in kinds
    assert sum(p["chosen"] for p in result["front"]) == 1 and len(result["front"]) > 2
    assert (files / "f.svg").read_text().count("<circle") == 3 * len(result["front"])
    assert main(["build", str(files / "q.tml"), "--board", "host", "-o", str(files / "b"), "--no-compile"]) == 0


def test_4_bit_weights_in_a_tflite_equal_litert(files, capsys):
    assert run(files, "q.tflite", "--flash", "75%") == 0
    kinds = {t.dtype for t in import_model((files / "q.tflite").read_bytes(), "q").tensors.values()}
    assert DType.INT4 in kinds and DType.INT2 not in kinds
    assert main(["verify", str(files / "q.tflite"), "--board", "host", "--samples", "5"]) == 0


def test_what_int8_fits_stays_int8(files, capsys):
    assert run(files, "q.tflite", "--board", "stm32f746") == 0
    assert {row["weights"] for row in json.loads(capsys.readouterr().out)["widths"]} == {8}


def test_nothing_fits(files, capsys):
    assert run(files, "q.tflite", "--flash", "5%") == 5
    said = capsys.readouterr().err
    assert "no choice among" in said and "the nearest takes about" in said and not (files / "q.tflite").exists()


def test_instructions_are_a_budget(files, capsys, monkeypatch):
    """Estimated here: nothing is emulated."""
    monkeypatch.setattr(quantize_pace, "missing_tools", lambda board, purpose: ["none"])
    words = ("--board", "stm32f405", "--bitops", "60%")
    assert run(files, "free.tml", *words) == 0
    assert json.loads(capsys.readouterr().out)["instructions"] is None
    assert run(files, "a.tml", *words, "--instructions", "900%") == 0
    free = json.loads(capsys.readouterr().out)
    assert not free["instructions_counted"] and free["instructions"] > free["int8"]["instructions"]
    made = import_model((files / "a.tml").read_bytes(), "a.tml")
    assert free["instructions"] == pytest.approx(graph_instructions(run_passes(made), load_board("stm32f405").isa), abs=1)
    assert free["latency_ms_estimate"] == pytest.approx(1e3 * free["instructions"] / 168e6)
    assert (files / "a.tml").read_bytes() == (files / "free.tml").read_bytes()
    less = (free["instructions"] + free["int8"]["instructions"]) // 2
    for k, more in enumerate((("--instructions", str(less)), ("--latency", f"{1e3 * less / 168e6:.9f}"))):
        assert run(files, f"b{k}.tml", *words, *more) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["instructions"] <= less and result["bitops"] <= 0.6 * result["int8"]["bitops"]
    assert run(files, "c.tml", *words, "--latency", "0.01") == 5
    said = capsys.readouterr().err.splitlines()[-1]
    assert "the nearest takes about" in said and "instructions" in said and not (files / "c.tml").exists()


@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_latency_is_estimated_from_counts(files, capsys):
    assert run(files, "q.tflite", "--board", "stm32f405", "--latency", "50", "--front") == 0
    result = json.loads(capsys.readouterr().out)
    assert main(["bench", str(files / "q.tflite"), "--board", "stm32f405", "--on", "emulator", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert result["instructions_counted"] and result["instructions"] == counted["total"]
    if counted["cycles_estimate"] is not None:
        assert result["latency_ms_estimate"] == pytest.approx(1e3 * counted["cycles_estimate"] / 168e6, rel=1e-6)
    assert all(p["instructions"] and not p["estimated"] for p in result["front"])


@pytest.mark.parametrize(
    "words",
    [
        ("--flash", "0%"),
        ("--bitops", "0.5"),
        ("--ram", "140%"),
        ("--flash", "-3"),
        ("--instructions", "1M"),
        ("--latency", "3"),
        ("--board", "stm32f405", "--instructions", "0"),
        ("--board", "stm32f405", "--instructions", "5x"),
        ("--board", "stm32f405", "--latency", "-1"),
        ("--board", "stm32f405", "--latency", "nan"),
    ],
)
def test_bad_budgets(files, capsys, words):
    assert run(files, "q.tflite", *words) == 2


# ---------------------------------------------------------------- budgets


def searched(p: Prepared, arena: int = 1000, weights: int = 0) -> tuple[Search, Made]:
    costs = costs_of(p)
    recipe = Recipe(p, {}, {})
    eight = Made(recipe, p.network, b"", arena, weights or costs.weight_bytes(EIGHT) + 100, costs.bitops(EIGHT))
    return Search(p, eight, random_errors(costs, 0), False, 0), eight


def test_too_large_is_tried_again_with_less(prepared, monkeypatch):
    """The planner may need more than the programme allowed for: what is too large is made smaller, and never returned."""
    s, eight = searched(prepared)
    tried: list[Widths] = []
    monkeypatch.setattr(budget, "choose", lambda p, widths, seed, progress: tried.append(widths))
    costs = costs_of(prepared)
    limits = Limits(weights=int(eight.weights * 0.8))

    def make(recipe) -> Made:  # 60 bytes more than the int8 network's tables
        return replace(eight, weights=costs.weight_bytes(tried[-1]) + 160)

    made, choice = best_within(s, limits, make, lambda text: None)
    assert len(tried) > 1 and made.weights <= limits.weights
    assert costs.weight_bytes(tried[-1]) < costs.weight_bytes(tried[0]) and choice.widths is tried[-1]


def test_too_large_an_arena_is_tried_again_with_less(prepared, monkeypatch):
    s, eight = searched(prepared)
    tried: list[Widths] = []
    monkeypatch.setattr(budget, "choose", lambda p, widths, seed, progress: tried.append(widths))
    costs = costs_of(prepared)

    def make(recipe) -> Made:  # a planner that gains a third less than the programme thinks
        return replace(eight, arena=int(1000 * (costs.peak_bytes(tried[-1]) / costs.peak_bytes(EIGHT) * 2 / 3 + 1 / 3)))

    made, _ = best_within(s, Limits(arena=700), make, lambda text: None)
    assert len(tried) > 1 and made.arena <= 700


def test_int8_that_fits_is_not_made_again(prepared):
    s, eight = searched(prepared)

    def make(recipe):
        raise AssertionError("made another network")

    assert best_within(s, Limits(1000, eight.weights, eight.bitops), make, lambda text: None)[0] is eight


def test_4_bit_values_survive_the_file(prepared):
    recipe = choose(prepared, Widths({k: 4 for k in prepared.layer_nodes}))
    graph = recipe.network().graph
    back = import_model(write_tflite(graph, recipe.network().options), "q")
    values = [[t.data for t in g.tensors.values() if t.dtype is DType.INT4] for g in (graph, back)]
    assert len(values[0]) == len(prepared.layer_nodes)
    assert all((a == b).all() and a.min() < 0 < a.max() for a, b in zip(*values, strict=True))


@pytest.mark.parametrize("narrow", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_add_of_any_widths_is_planned(narrow):
    """The checker accepts the plan of an ADD whose operands (0, 1) and result (2) have 4 bits or 8, and lie at other places then."""
    n = FloatNet(2)
    x = n.act((1, 8, 8, 3), None)
    both = n.elementwise("ADD", n.conv(x, 8), n.conv(x, 8, k=1), act=1)  # both operands die there
    model = n.build([x], [n.conv(n.conv(both, 8, k=1), 4)])
    data = Calibration((samples((1, 8, 8, 3), 16),), None)
    p = prepare(load_network(model, "m"), data)
    add = next(n for n in p.graph.nodes if n.op == "ADD")
    groups = [p.tied[t] for t in (*add.inputs, *add.outputs)]
    recipe = choose(p, Widths(activations={groups[k]: 4 for k in narrow}))
    content = write(recipe.network().graph)
    plans = [compile_model(content, "m.tml", goal=Goal(optimize)).plan for optimize in ("balanced", "ram")]
    assert plans[1].arena_bytes <= plans[0].arena_bytes

"""Networks in patches and widths patch by patch: equal to the network where nothing is narrower, and what the search chooses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from test_quantize import FloatNet, labelled, samples
from tinyml.cli import main
from tinyml.errors import UsageError
from tinyml.exporters.tflite import write_tflite
from tinyml.passes import run_passes
from tinyml.plan.model import Target
from tinyml.plan.planner import plan_of, reorder
from tinyml.plan.schedule import make_schedule
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.grid import Histogram, best_grid
from tinyml.quantize.network import load_network
from tinyml.quantize.patch_widths import choose_inputs, choose_patches, prepare_patches
from tinyml.quantize.patches import unroll
from tinyml.quantize.quantise import choose, prepare
from tinyml.quantize.quantmcu import Branch, Settings, inputs_of_outliers, positions_of_outliers, search
from witness import litert_run

SHAPE = (1, 11, 10, 3)
END = 6  # operators of `model` up to the second sum


def model() -> bytes:
    """11x10x3: odd sizes, a stride, a residual block and a strided one, a depthwise convolution."""
    n = FloatNet(3)
    x = n.act(SHAPE, None)
    a = n.conv(x, 6, act=1)
    b = n.elementwise("ADD", a, n.depthwise(a, act=1), act=1)
    c = n.elementwise("ADD", n.conv(b, 8, k=1, stride=2), n.conv(b, 8, stride=2), act=1)
    d = n.conv(c, 8, act=1)
    return n.build([x], [n.dense(n.pool("AVERAGE_POOL_2D", d, 5), 4)])


@pytest.fixture(scope="module")
def made():
    data, x = model(), samples(SHAPE, 64)
    network = load_network(data, "m")
    calibration = Calibration((x,), labelled(data, x))
    return network, calibration, choose(prepare(network, calibration))


@pytest.mark.parametrize(("end", "rows", "columns"), [(1, 2, 2), (3, 3, 2), (END, 2, 2), (END, 1, 3), (END, 3, 1), (7, 2, 3)])
def test_a_network_in_patches_computes_the_same(made, end, rows, columns):
    network, calibration, _ = made
    patched = unroll(network, end, rows, columns)
    whole, parts = (evaluate(g, calibration.inputs)[0] for g in (network.graph, patched.network.graph))
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-4)
    assert patched.patches == rows * columns and len(patched.inner) == end - 1
    assert set(patched.origin.values()) >= {(t, p) for t in patched.inner for p in range(rows * columns)}


@pytest.mark.parametrize(("end", "rows", "columns"), [(1, 2, 2), (END, 2, 2)])
def test_what_a_patch_reads_of_the_input(made, end, rows, columns):
    """Other values around that part change nothing in the patch, other values of its edges do."""
    network, calibration, _ = made
    patched = unroll(network, end, rows, columns)
    last = [t for t, (i, _) in patched.origin.items() if i == patched.output]
    x = calibration.inputs[0][:4]

    def outputs(x):
        return evaluate(patched.network.graph, [x], wanted=last)

    before = outputs(x)
    for p, ((top, bottom), (left, right)) in enumerate(patched.read):
        other = x + 1
        other[:, 0, top:bottom, left:right] = x[:, 0, top:bottom, left:right]
        np.testing.assert_array_equal(outputs(other)[p], before[p])
        for edge in (np.s_[:, 0, top], np.s_[:, 0, bottom - 1], np.s_[:, 0, :, left], np.s_[:, 0, :, right - 1]):
            other = x.copy()
            other[edge] += 1
            assert not np.array_equal(outputs(other)[p], before[p])


def test_at_eight_bits_patches_change_nothing_that_litert_computes(made):
    _, calibration, recipe = made
    p = prepare_patches(recipe, END, 2, 2, calibration, 2.0)
    whole = recipe.network()
    parts = p.network(p.grids({}, frozenset(range(4))))
    files = [write_tflite(n.graph, n.options) for n in (whole, parts)]
    rng = np.random.default_rng(5)
    for _ in range(5):
        x = rng.integers(-128, 128, SHAPE).astype(np.int8)
        np.testing.assert_array_equal(litert_run(files[1], [x])[0], litert_run(files[0], [x])[0])


def test_what_can_not_go_in_patches_is_refused(made):
    network, _, _ = made
    with pytest.raises(UsageError, match="more than there are pixels"):
        unroll(network, END, 9, 2)
    with pytest.raises(UsageError, match="make 2 tensors"):
        unroll(network, END - 1, 2, 2)
    with pytest.raises(UsageError, match="can not be computed in patches"):
        unroll(network, 9, 2, 2)


def branch() -> Branch:
    """Three maps in a row; the second is large, the third dear to lose."""
    entropy = {1: {8: 6.0, 4: 3.0, 2: 1.0}, 2: {8: 6.0, 4: 3.0, 2: 1.0}, 3: {8: 4.0, 4: 1.0, 2: 0.2}}
    return Branch((1, 2, 3), {1: 10, 2: 60, 3: 30}, 800, {1: (0, 1), 2: (1, 2), 3: (2, 3)}, {1: 100, 2: 400, 3: 100}, entropy)


def test_the_score_weighs_entropy_against_bit_operations():
    b = branch()
    assert search(b, Settings(weight=1.0)) == {1: 8, 2: 8, 3: 8}
    assert search(b, Settings(weight=0.0)) == {1: 2, 2: 2, 3: 2}
    # map 2 saves 60 * 4 / 800 = 0.30 at 4 bits for 0.25, the square of half its entropy; the others 0.05 for 0.25, 0.15 for 0.56
    assert search(b, Settings(weight=0.4)) == {1: 8, 2: 4, 3: 8}


def test_maps_at_the_peak_go_down_until_the_branch_fits():
    b = branch()
    assert b.peak({1: 8, 2: 8, 3: 8}) == (500, (1, 2))
    widths = search(b, Settings(weight=1.0, limit_bytes=300))
    assert widths == {1: 8, 2: 4, 3: 8} and b.peak(widths)[0] == 300, "the large map loses least per byte"
    assert search(b, Settings(weight=1.0, limit_bytes=0)) == {1: 2, 2: 2, 3: 2}


def test_outliers_by_position_and_by_input():
    shares = np.array([[0.0, 0.0, 0.4, 0.0], [0.0, 0.1, 0.2, 0.1], [0.0, 0.0, 0.4, 0.0]])
    assert positions_of_outliers(shares, 1.25) == {2}
    assert inputs_of_outliers(shares, 1.25).tolist() == [
        [False, False, True, False],
        [False, False, True, False],
        [False, False, True, False],
    ]
    assert inputs_of_outliers(shares, 0.9)[1].tolist() == [False, True, True, True]


def test_fewer_bits_cost_fewer_bit_operations_and_some_accuracy(made):
    _, calibration, recipe = made
    p = prepare_patches(recipe, END, 2, 2, calibration, 2.0)
    every = frozenset(range(4))
    base = p.grids({}, every)
    exact = p.simulate(calibration.inputs, base)
    spent, error = [], []
    for weight in (1.0, 0.15, 0.0):
        c = choose_patches(p, Settings(weight, spread=1.05))
        assert c.eight < every, "no patch is free of outliers: nothing is tested"
        grids = p.grids(c.low, c.eight)
        spent.append(p.bit_operations(grids))
        error.append(float(np.square(p.simulate(calibration.inputs, grids) - exact).mean()))
    assert spent[0] == p.bit_operations(base) > spent[1] > spent[2]
    assert error[0] == 0 < error[1] < error[2]


def test_classes_by_input_lie_between_all_and_none(made):
    _, calibration, recipe = made
    p = prepare_patches(recipe, END, 2, 2, calibration, 2.0)
    c, eight = choose_inputs(p, Settings(0.0, spread=1.0))
    assert 0 < eight.mean() < 1
    exact = p.simulate(calibration.inputs, p.grids({}, frozenset(range(4))))
    every, none, mixed = (p.simulate_each(calibration.inputs, c.low, e) for e in (np.ones_like(eight), np.zeros_like(eight), eight))
    np.testing.assert_array_equal(every, exact)
    assert 0 < np.square(mixed - exact).mean() < np.square(none - exact).mean()


def test_a_grid_of_few_bits_is_made_for_the_values_of_its_patches():
    narrow, wide = Histogram.of(np.linspace(0, 1, 500)), Histogram.of(np.linspace(0, 4, 500))
    assert best_grid(narrow, 2).scale < best_grid(narrow.merged(wide), 2).scale


def test_the_command_writes_a_network_that_runs_as_its_operators_say(tmp_path, capsys):
    """Narrow maps, cut and padded, through the planner, the generated C and the witness of the operators."""
    data, x = model(), samples(SHAPE, 64)
    (tmp_path / "m.tflite").write_bytes(data)
    np.savez(tmp_path / "c.npz", inputs=x[:, 0], labels=labelled(data, x))
    words = ["quantize", tmp_path / "m.tflite", "--data", tmp_path / "c.npz", "--patches", "2x2", "--patch-end", END, "-o", tmp_path / "o.tml"]
    assert main([*map(str, words), "--bitops", "80%", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["patches"]
    assert said["operators"] == END and said["patches"] == 4 and said["bitops_share"] <= 0.8
    assert {4, 2} & set(said["widths"].values()) and said["by_input"] is not None
    assert main(["verify", str(tmp_path / "o.tml"), "--board", "host", "--samples", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mismatches"] == 0


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--patches", "2by2"], "is not a grid"),
        (["--patches", "1x1"], "is not a grid"),
        (["--patches", "2x2", "--patch-end", "99"], "not within"),
        (["--patches", "2x2", "--patch-end", str(END), "--bitops", "1%"], "is the least"),
        (["--patches", "40x2", "--patch-end", str(END)], "more than there are pixels"),
    ],
)
def test_patches_that_can_not_be_are_one_line_and_nothing_is_written(more, what, tmp_path, capsys):
    data, x = model(), samples(SHAPE, 16)
    (tmp_path / "m.tflite").write_bytes(data)
    np.savez(tmp_path / "c.npz", inputs=x[:, 0], labels=labelled(data, x))
    try:
        code = main(["quantize", str(tmp_path / "m.tflite"), "--data", str(tmp_path / "c.npz"), "-o", str(tmp_path / "o.tml"), *more])
    except SystemExit as e:
        code = e.code
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2 and what in said and not (tmp_path / "o.tml").exists()


def test_parts_of_packed_maps_lie_in_their_bytes(made):
    """A cut of rows and columns is a view of the map, its bytes checked as the others': no copy, nothing refused."""
    _, calibration, recipe = made
    p = prepare_patches(recipe, END, 2, 2, calibration, 2.0)
    c = choose_patches(p, Settings(0.0, spread=9.0))
    graph = reorder(run_passes(p.network(p.grids(c.low, c.eight)).graph))
    schedule = make_schedule(graph, Target(), True, False)
    plan = plan_of(graph, schedule)
    cut = [n for n in graph.nodes if n.op == "SLICE" and graph.tensors[n.outputs[0]].dtype.packed]
    inside = [n for n in cut if schedule.layouts[n.outputs[0]].buffer == schedule.layouts[n.inputs[0]].buffer]
    assert inside, "no narrow map is cut in place: nothing is tested"
    assert plan.arena_bytes > 0

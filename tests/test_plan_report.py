"""What `tinyml plan` reports: the peak as a sum that adds up, the front from placed plans, a page that no name can break."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from conftest import REPO
from networks import Net
from tinyml.board import load_board
from tinyml.cli import main
from tinyml.passes import run_passes
from tinyml.pipeline import compile_model
from tinyml.plan.model import Plan, Stage, Target
from tinyml.plan.planner import Candidate, Goal, front
from tinyml.report.arena import Box, Peak, Role, boxes, operator_name, peak, shared_regions
from tinyml.report.front import FrontPoint, front_points
from tinyml.report.memory import PlanReport, live_bytes, plan_report
from tinyml.report.page import arena_room, plan_page, table_rows

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
BOARD = "stm32f746"
HOSTILE = (
    "</title></style><iframe src=//e.x>", '"><img src=x onerror=alert(1)>', "<script>alert(1)</script>", "'); {{ 7*191 }} {% raw %}",
    "\x1b[31m\x00\u202e\u2028 &lt;b&gt; ]]> <!-- -->" + "n" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    plan: Plan
    peak: Peak
    report: PlanReport
    candidates: tuple[Candidate, ...]
    points: tuple[FrontPoint, ...]
    page: str


@cache
def make(path: Path, optimize: str, front: bool = True) -> Made:
    """The report of a model, as the command makes it."""
    return report_on(path.read_bytes(), path.stem, optimize, front)


def report_on(data: bytes, name: str, optimize: str, with_front: bool = True, push: bool = False) -> Made:
    board, goal = load_board(BOARD), Goal(optimize, push_rows=push)
    compiled = compile_model(data, name, board.isa, goal=goal)
    report = plan_report(compiled, board, None)
    graph = run_passes(compiled.source)
    found = front(graph, Target(board.isa, optimize), goal=goal) if with_front else ()
    points = front_points(found, compiled.plan, graph, report.macs.model, arena_room(report))
    page = plan_page(compiled.plan, report, points)
    return Made(compiled.plan, peak(compiled.plan, boxes(compiled.plan)), report, found, points, page)


def residual(names: tuple[str, ...] = ()) -> bytes:
    """A small network with a residual block and a stage worth fusing; `names` are those of its activations."""
    net = Net()
    x = net.act((1, 16, 16, 3))
    a = net.conv(x, 8, 3)
    b = net.conv(a, 8, 3)
    c = net.add(a, b)
    y = net.conv(c, 4, 3, stride=2)
    for name, t in zip(names, (t for t in net.tensors if t.data is None), strict=False):
        t.name = name
    return net.build([x], [y])


MODELS = pytest.mark.parametrize("optimize", ["balanced", "ram"])


def both(optimize: str) -> tuple[Made, Made]:
    return make(DIGITS, optimize), report_on(residual(), "residual", optimize)


@MODELS
def test_the_peak_adds_up(optimize: str) -> None:
    for made in both(optimize):
        top, plan = made.peak, made.plan
        assert sum(p.size for p in top.parts) - top.shared + top.unused == plan.arena_bytes
        assert top.live == max(live_bytes(plan)) == live_bytes(plan)[top.step] and made.report.peak.index == top.step
        # counted byte by byte
        holders = [0] * plan.arena_bytes
        alive = [b for b in plan.schedule.buffers if b.first <= top.step <= b.last]
        for b in alive:
            for k in range(plan.offsets[b.id], plan.offsets[b.id] + b.size_bytes):
                holders[k] += 1
        assert top.shared == sum(n - 1 for n in holders if n > 1) and top.unused == holders.count(0)
        assert {b.id for p in top.parts for b in p.boxes} == {b.id for b in alive}


@MODELS
def test_boxes_are_the_plans_buffers(optimize: str) -> None:
    for made in both(optimize):
        plan, found = made.plan, boxes(made.plan)
        assert [(b.id, b.offset, b.size, b.first, b.last) for b in found] == [
            (b.id, plan.offsets[b.id], b.size_bytes, b.first, b.last) for b in plan.schedule.buffers
        ]
        role = {b.id: b.role for b in found}
        layouts = plan.schedule.layouts
        assert role[layouts[plan.graph.inputs[0]].buffer] is Role.INPUT and role[layouts[plan.graph.outputs[0]].buffer] is Role.OUTPUT
        assert {b for b, r in role.items() if r is Role.SCRATCH} == {s.scratch for s in plan.schedule.steps} - {None}
        rings = {at.buffer for at in layouts.values() if at.ring}
        inner = {b for b, r in role.items() if r in (Role.ROWS, Role.WINDOW)}
        assert rings <= inner and all(role[b] is Role.ROWS for b in rings) and bool(inner) == (optimize == "ram")
        assert sum(s.ring_bytes for s in made.report.stages) == sum(b.size for b in found if b.id in inner)
        assert all(f"{plan.schedule.layouts[t].ring} of " in b.name for b in found for t in layouts if layouts[t].buffer == b.id in rings)


def test_every_operator_has_a_row(shared_model: Callable[[str], Path]) -> None:
    kws = make(shared_model("kws_dscnn_int8"), "ram")
    assert [s.mode for s in kws.report.stages] == ["stream"]
    for made in (*both("ram"), report_on(residual(), "residual", "ram", push=True), kws):
        for t, step in zip(table_rows(made.plan, made.report), made.plan.schedule.steps, strict=True):
            names = [operator_name(made.plan.graph, k) for k in step.nodes]
            assert [i.name for i in t.inner] == names if isinstance(step, Stage) else (t.inner == () and [t.name] == names)
            assert sum(i.macs for i in t.inner) == t.row.macs or not t.inner


def test_what_is_computed_again_counts_again() -> None:
    net = Net()
    x = net.act((1, 16, 16, 3))
    a = net.conv(x, 16)
    b = net.conv(a, 8, 3)
    made = report_on(net.build([x], [net.conv(net.conv(b, 16), 4, 3, stride=2)]), "chain", "ram")
    assert [s.mode for s in made.report.stages] == ["window"] and any(b.role is Role.WINDOW for b in boxes(made.plan))
    again = (3 * 16 - 2 - 16) * (16 * 3 * 16)  # each of 16 rows asks for 3 rows of operator 0, but 2 of them are padding
    assert made.report.macs.planned == made.report.macs.model + again
    (row,) = [i for t in table_rows(made.plan, made.report) for i in t.inner if i.name == "CONV_2D #0"]
    assert row.macs == 16 * 16 * 3 * 16 + again
    assert row.keeps == "3×4 pixels", "blocks of two pixels keep least"
    assert [p.macs for p in made.points if p.chosen] == [made.report.macs.planned]


def test_a_pushed_input_is_shown_as_rows() -> None:
    made = report_on(residual(), "residual", "ram", push=True)
    assert made.plan.schedule.pushed is not None
    role = {b.role: b for b in boxes(made.plan)}
    rows = made.plan.schedule.layouts[made.plan.graph.inputs[0]].ring
    assert 0 < rows < 16 and role[Role.INPUT].name == f"{rows} of 16 rows of input 16×16×3"
    assert role[Role.STATE].id == made.plan.schedule.steps[0].state
    assert "run row by row as the caller pushes the input" in made.page and all(p.stages for p in made.points)
    assert [p.ram for p in made.points if p.chosen] == [made.plan.arena_bytes]


def scattered(seed: int) -> tuple[Box, ...]:
    """Boxes anywhere, inside one another or equal too."""
    rng = np.random.default_rng(seed)
    size, first, length = rng.integers(1, 30, 12), rng.integers(0, 8, 12), rng.integers(0, 5, 12)
    return tuple(
        Box(k, Role.TENSOR, "", "", int(at), int(size[k]), int(first[k]), int(first[k] + length[k]), ())
        for k, at in enumerate(rng.integers(0, 40, 12))
    )


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_shared_regions_byte_by_byte(seed: int | None) -> None:
    found = boxes(make(DIGITS, "balanced").plan) if seed is None else scattered(seed)
    told = {(s.low.id, s.high.id, k, step) for s in shared_regions(found) for k in range(s.lo, s.hi) for step in range(s.first, s.last + 1)}
    counted = set()
    for a in found:
        for b in found:
            if (a.offset, a.id) < (b.offset, b.id):
                steps = set(range(a.first, a.last + 1)) & set(range(b.first, b.last + 1))
                common = set(range(a.offset, a.end)) & set(range(b.offset, b.end))
                counted |= {(a.id, b.id, k, s) for k in common for s in steps}
    assert told == counted and counted


@MODELS
def test_the_front_is_of_placed_plans(optimize: str) -> None:
    for made in both(optimize):
        points = made.points
        assert [p.ram for p in points] == sorted({p.ram for p in points}) and len(points) > 1
        assert all(a.instructions_extra > b.instructions_extra for a, b in zip(points, points[1:], strict=False))
        assert [p.ram for p in points if p.chosen] == [made.plan.arena_bytes]
        assert points[-1].instructions_extra == 0 and points[-1].stages == 0
        assert made.plan.arena_bytes == (points[0] if optimize == "ram" else points[-1]).ram
        for p, c in zip(points, made.candidates, strict=True):
            offsets = dict(c.placement.offsets)
            assert 0 <= p.ram - max(offsets[b.id] + b.size_bytes for b in c.schedule.buffers) < 8
            assert p.stages == len(list(c.schedule.stages())) and p.macs >= made.report.macs.live
            assert not p.chosen or p.macs == made.report.macs.planned  # counted on the plan itself
            assert p.overhead == round(p.macs / made.report.macs.model, 4)


def test_a_plan_beside_the_front_is_shown() -> None:
    made = make(DIGITS, "balanced")
    points = front_points(made.candidates[:1], made.plan, made.plan.graph, made.report.macs.model, 2000)
    assert [(p.chosen, p.fits, p.instructions_extra is None) for p in points] == [(False, True, False), (True, False, True)]
    row = "".join(Elements(plan_page(made.plan, made.report, points)).text).partition("overhead")[2].split("Steps")[0]
    assert f"{made.plan.arena_bytes:,} B" in row and "this plan" in row and "does not fit" in row and "?" in row


def plan_command(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict:
    capsys.readouterr()
    assert main(["plan", *map(str, words), "--json", "--no-compile", "--board", BOARD]) == code
    return json.loads(capsys.readouterr().out)


def test_command_writes_front_and_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    value = plan_command(capsys, DIGITS, "--front", "--html", page, "--optimize", "ram")
    assert {tuple(p) for p in value["front"]} == {("ram", "macs", "overhead", "instructions_extra", "stages", "fits", "chosen")}
    assert [p["ram"] for p in value["front"] if p["chosen"]] == [value["ram"]["arena"]]
    text = page.read_text(encoding="utf-8")
    assert text == make(DIGITS, "ram").page and [p.name for p in tmp_path.iterdir()] == ["plan.html"]
    assert str(REPO) not in text and str(tmp_path) not in text


def test_patches_as_a_user_asks_for_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In the JSON, on the page, and as the halo in the multiply-accumulates."""
    common = ["plan", str(DIGITS), "--board", BOARD, "--no-compile", "--json"]
    assert main(common) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main([*common, "--patches", "2x2:1", "--html", str(tmp_path / "p.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    (stage,) = (s for s in found["stages"] if s["mode"] == "patches")
    assert stage["operators"] == [0, 1] and stage["calls"] == 4 * len(stage["operators"])
    assert found["macs"]["planned"] - plain["macs"]["planned"] == stage["extra_macs"] > 0
    page = (tmp_path / "p.html").read_text()
    assert "patches inside a stage" in page and re.search(r"\d+×\d+ of \d+×\d+ pixels", page)
    assert main([*common, "--patches", "2x2:99"]) == 2
    assert "no operator 99" in capsys.readouterr().err


def test_the_front_of_a_pushed_input_has_no_whole_one(capsys: pytest.CaptureFixture[str]) -> None:
    value = plan_command(capsys, DIGITS, "--front", "--input-mode", "rows", "--optimize", "ram")
    assert all(p["stages"] for p in value["front"])
    assert [p["instructions_extra"] is None for p in value["front"] if p["chosen"]] == [False]


def test_what_does_not_fit_is_still_explained(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    value = plan_command(capsys, DIGITS, "--ram", "5000", "--front", "--html", tmp_path / "p.html", code=5)
    assert value["error"]["exit_code"] == 5 and value["ram"]["total"] > 5000
    assert len(value["front"]) > 1 and not any(p["fits"] for p in value["front"])
    over = value["ram"]["total"] - 5000
    assert f"{over:,} B more than there is room for" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_a_page_appears_whole_or_not_at_all(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "plan.html"
    page.write_text("earlier")
    assert "folder" in plan_command(capsys, DIGITS, "--html", tmp_path, code=2)["error"]["what"]
    assert "does not exist" in plan_command(capsys, DIGITS, "--html", tmp_path / "no" / "p.html", code=2)["error"]["what"]
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"no model")
    plan_command(capsys, bad, "--html", page, code=3)
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["plan", str(DIGITS), "--no-compile", "--board", BOARD, "--html", str(page)]) == 130
    assert page.read_text() == "earlier"


def test_networks_with_next_to_nothing() -> None:
    net = Net()
    x = net.act((1, 4, 4, 3))
    made = report_on(net.build([x], [net.reshape(x, (1, 48))]), "copy", "ram")  # the caller has two buffers
    assert [(p.ram, p.macs, p.overhead, p.chosen) for p in made.points] == [(96, 0, 1.0, True)]
    assert "Step 0 decides it: RESHAPE #0 runs as a whole" in made.page
    empty = replace(made.plan, schedule=replace(made.plan.schedule, steps=()))
    assert "Nothing is computed" in plan_page(empty, replace(made.report, layers=(), peak=None), made.points)


class Elements(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in ("src", "href", "action", "data", "xlink:href")}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@MODELS
def test_names_can_not_break_the_page(optimize: str) -> None:
    plain = report_on(residual(), "m", optimize)
    # from a model file, and from a plan that no importer has looked at
    live = (t for t in plain.plan.graph.tensors.values() if not t.is_const)
    tensors = plain.plan.graph.tensors | {t.id: replace(t, name=name) for name, t in zip(HOSTILE, live, strict=True)}
    plan = replace(plain.plan, graph=plain.plan.graph.with_(tensors=tensors))
    for page in (report_on(residual(HOSTILE), "<b>&amp;", optimize).page, plan_page(plan, plain.report, plain.points)):
        assert_harmless(plain.page, page)


def assert_harmless(plain: str, hostile: str) -> None:
    a, b = Elements(plain), Elements(hostile)
    assert b.tags == a.tags and b.attributes == a.attributes and b.addresses == a.addresses == {"data:,"}
    assert not any(name.startswith("on") for name in b.attributes) and "script" not in b.tags
    text = "".join(b.text)
    for name in HOSTILE[:4]:
        assert name in text, "a name is shown as it is"
    assert "1337" not in text, "a name was rendered as a template"
    assert "n" * 100 not in text and all(c.isprintable() or c in "\n" for c in text)
    assert "url(http" not in hostile and "@import" not in hostile


def test_the_page_names_what_makes_the_peak(shared_model: Callable[[str], Path]) -> None:
    made = make(shared_model("ic_resnet8_int8"), "ram")
    text = " ".join("".join(Elements(made.page).text).split())
    step = made.plan.schedule.steps[made.peak.step]
    assert f"Step {made.peak.step} decides it: a stage of {len(step.nodes)} operators, CONV_2D #0 to" in text
    for p in made.peak.parts:
        assert f"{p.size:,} {p.name} {p.why.value}" in text
    assert f"{made.peak.shared:,} shared" in text and f"= {made.plan.arena_bytes:,} B" in text

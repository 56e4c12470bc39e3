"""Stages in tiles: what each tile computes, where it is kept, and that the checker refuses what would not work.

That their results are right is shown on random networks (test_random_graphs.py) and real ones (test_models.py).
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broken_plans import refused, with_stage
from case_build import WARNINGS
from conftest import needs
from networks import VALID, Net
from tinyml.commands.common import patches
from tinyml.emit.project import emit_project
from tinyml.errors import UsageError
from tinyml.ir import Graph
from tinyml.passes import run_passes
from tinyml.plan.check import check
from tinyml.plan.model import Grid, Plan, Stage, Target
from tinyml.plan.planner import Goal, make_plan, plan_of
from tinyml.plan.schedule import Fusion, last_reads, make_schedule, stage_tiles
from tinyml.plan.stages import StageProblem, chains, options
from tinyml.plan.tile_search import Patches, TileSearch, tile_options
from tinyml.plan.tiles import PATCHES, STRIPS, Tiles, Tiling
from tinyml.report.arena import Role, boxes, stage_mode, stage_way
from tinyml.report.macs import planned_macs, step_macs
from tinyml.work import graph_macs

SQUARE = Tiling(PATCHES, 2, 2)


def chain() -> Graph:
    """3x3, 3x3 with stride 2, both SAME: 12x10 -> 12x10 -> 6x5. Along 12 rows the stride pads below alone."""
    n = Net()
    x = n.act((1, 12, 10, 4))
    return n.graph([x], [n.conv(n.conv(x, 8, 3), 4, 3, stride=2)])


def residual() -> Graph:
    n = Net()
    x = n.act((1, 12, 10, 4))
    a = n.conv(x, 8, 3)
    b = n.conv(n.conv(a, 8, 3), 8, 3)
    return n.graph([x], [n.conv(n.add(a, b), 4, 3)])


def tiles_of(graph: Graph, tiling: Tiling) -> Tiles:
    found = stage_tiles(graph, Fusion(0, len(graph.nodes), tiling=tiling), last_reads(graph))
    assert found is not None
    return found


def planned(graph: Graph, tiling: Tiling) -> Plan:
    stages = (Fusion(0, len(graph.nodes), tiling=tiling),)
    return plan_of(graph, make_schedule(graph, Target(), in_place=False, stages=stages, overlap=True))


def test_a_tile_computes_what_the_next_operator_reads() -> None:
    tiles = tiles_of(chain(), SQUARE)
    # rows 0..2 of 6 read rows 0..6 of 12 (first row 2*y, three of them); rows 3..5 read 6..12, and the padding below
    assert tiles.rows == (((0, 7), (0, 3)), ((6, 12), (3, 6)))
    # along 10 columns likewise: 2 of 5 read 0..4, the other 3 read 4..10
    assert tiles.columns == (((0, 5), (0, 2)), ((4, 10), (2, 5)))
    assert tiles.held(chain(), tiles.nodes[0].out) == (7, 6)


def test_two_readers_need_what_holds_both() -> None:
    """The shortcut needs as much as the sum, the 3x3 pair beside it two pixels more around it."""
    tiles = tiles_of(residual(), SQUARE)
    first, one, two, total, last = (span for span in tiles.rows[0])
    assert (last, total, two, one, first) == ((0, 6), (0, 7), (0, 7), (0, 8), (0, 9))
    assert tiles.top(tiles.nodes[2].out) == tiles.nodes[3].out, "the sum takes over the branch's place"


def test_the_reader_that_needs_more_decides() -> None:
    """Of two branches the first one is pointwise, the second one a 3x3."""
    n = Net()
    x = n.act((1, 12, 10, 4))
    a = n.conv(x, 8, 1)
    g = n.graph([x], [n.add(n.conv(a, 8, 1), n.conv(a, 8, 3))])
    assert [rows[0] for rows in tiles_of(g, SQUARE).rows] == [(0, 7), (5, 12)]


def test_operators_of_a_patch_use_the_same_bytes_again() -> None:
    """Of a run of three convolutions, the first one's patch is no longer needed when the third one runs."""
    n = Net()
    x = n.act((1, 16, 16, 4))
    g = n.graph([x], [n.conv(n.conv(n.conv(n.conv(x, 8, 3), 8, 3), 8, 3), 4, 3)])
    plan = planned(g, SQUARE)
    (patch,) = (b for b in plan.schedule.buffers if b.what.startswith("patch"))
    # 8 + 3, 8 + 2, 8 + 1 pixels square of 8 channels: each trails the one it is made of by two of its own rows, the first of which
    # the padding above lets come early
    assert patch.size_bytes == 8 * (11 * 11 + 2 * 10 + 2 * 9)


def test_a_row_of_padding_alone_needs_nothing() -> None:
    """The last rows of a 1x1 window on a padded image lie in the padding: they read nothing, and the checker agrees."""
    n = Net()
    x = n.act((1, 6, 8, 4))
    padded = n.pad(n.conv(x, 8, 3), [[0, 0], [0, 6], [0, 0], [0, 0]])
    g = run_passes(n.graph([x], [n.conv(n.conv(padded, 8, 3, padding=VALID), 4, 3)]))
    assert [v.op for v in g.nodes] == ["CONV_2D"] * 3
    check(planned(g, Tiling(PATCHES, 2, 2)))


def test_strips_keep_rows_as_wide_as_a_strip() -> None:
    g = residual()
    tiles = tiles_of(g, Tiling(STRIPS, 1, 2))
    whole = tiles_of(g, Tiling(STRIPS, 1, 1))
    assert tiles.rings == whole.rings
    for t in tiles.rings:
        assert tiles.held(g, t)[1] < whole.held(g, t)[1] == 10
    assert planned(g, Tiling(STRIPS, 1, 2)).arena_bytes < planned(g, Tiling(STRIPS, 1, 1)).arena_bytes


def test_the_halo_is_counted() -> None:
    plan = planned(chain(), SQUARE)
    (step,) = plan.schedule.steps
    first, last = step_macs(plan.graph, step).values()
    assert first == (7 + 6) * (5 + 6) * 9 * 4 * 8 and last == 6 * 5 * 9 * 8 * 4
    assert isinstance(step, Stage) and stage_mode(step) == "patches"


def test_no_grid_finer_than_the_output() -> None:
    assert stage_tiles(chain(), Fusion(0, 2, tiling=Tiling(PATCHES, 6, 5)), last_reads(chain())) is not None
    assert stage_tiles(chain(), Fusion(0, 2, tiling=Tiling(PATCHES, 7, 1)), last_reads(chain())) is None


def with_grid(plan: Plan, change: Callable[[Grid], Grid]) -> Plan:
    return with_stage(plan, lambda s: replace(s, grid=change(s.grid)))  # type: ignore[arg-type]


def shifted(side: tuple, i: int, p: int, lo: int, hi: int) -> tuple:
    """The table of spans with the p-th operator's in the i-th tile moved."""
    return tuple(tuple((a + lo, b + hi) if (k, q) == (i, p) else (a, b) for q, (a, b) in enumerate(line)) for k, line in enumerate(side))


@pytest.mark.parametrize("i, lo, hi", [(0, 0, -1), (1, 1, 0)])
def test_a_tile_without_its_halo_is_refused(i: int, lo: int, hi: int) -> None:
    for side in ("rows", "columns"):
        changed = with_grid(planned(chain(), SQUARE), lambda g, side=side: replace(g, **{side: shifted(getattr(g, side), i, 0, lo, hi)}))
        refused(changed, "is not among")


def test_an_output_with_a_hole_is_refused() -> None:
    changed = with_grid(planned(chain(), SQUARE), lambda g: replace(g, columns=shifted(g.columns, 1, 1, 1, 0)))
    refused(changed, "no longer in the arena")


def test_a_tile_larger_than_its_buffer_is_refused() -> None:
    changed = with_grid(planned(chain(), SQUARE), lambda g: replace(g, columns=shifted(g.columns, 1, 0, -1, 0)))
    refused(changed, "larger than", "tensor")


def test_a_tile_outside_its_tensor_is_refused() -> None:
    refused(with_grid(planned(chain(), SQUARE), lambda g: replace(g, rows=shifted(g.rows, 1, 1, 0, 1))), "none of its output's")


def test_a_patch_that_is_overwritten_is_refused() -> None:
    """The branch is put where the shortcut beside it lies."""
    plan = planned(residual(), SQUARE)
    shortcut, *moved = (plan.graph.nodes[k].outputs[0] for k in (0, 2, 3))
    at = plan.schedule.layouts
    layouts = {**at, **{t: replace(at[t], offset_bytes=at[shortcut].offset_bytes) for t in moved}}
    refused(replace(plan, schedule=replace(plan.schedule, layouts=layouts)), "no longer in the arena")


def test_every_byte_that_a_patch_trails_by_is_needed() -> None:
    n = Net()
    x = n.act((1, 16, 16, 4))
    g = n.graph([x], [n.conv(n.conv(n.conv(x, 8, 3), 8, 3), 4, 3)])
    plan = planned(g, SQUARE)
    at = plan.schedule.layouts
    second = g.nodes[1].outputs[0]
    assert at[g.nodes[0].outputs[0]].offset_bytes - at[second].offset_bytes == 2 * 9 * 8
    nearer = {**at, second: replace(at[second], offset_bytes=at[second].offset_bytes + 1)}
    refused(replace(plan, schedule=replace(plan.schedule, layouts=nearer)), "no longer in the arena")


def test_an_operator_that_is_left_out_is_refused() -> None:
    refused(with_stage(planned(chain(), SQUARE), lambda s: replace(s, order=s.order[1:])))


def test_a_tensor_of_the_tiles_that_is_read_outside_is_refused() -> None:
    plan = planned(chain(), SQUARE)
    refused(with_grid(plan, lambda g: replace(g, local=(*g.local, plan.graph.outputs[0]))), "outside its tiles")


def test_a_ring_of_one_row_less_is_refused() -> None:
    plan = planned(chain(), Tiling(STRIPS, 1, 2))
    t = plan.graph.nodes[0].outputs[0]
    at = plan.schedule.layouts[t]
    assert at.ring == 3
    layouts = {**plan.schedule.layouts, t: replace(at, ring=2)}
    refused(replace(plan, schedule=replace(plan.schedule, layouts=layouts)))


def test_every_byte_of_the_gap_is_needed() -> None:
    """At the planned distance output and input pass; one byte nearer, a tile's output meets rows that a later tile still reads."""
    g = residual()
    schedule = make_schedule(g, Target(), in_place=False, stages=(Fusion(0, len(g.nodes), tiling=Tiling(PATCHES, 3, 1)),), overlap=True)
    (gap,) = schedule.gaps
    loose = replace(schedule, buffers=tuple(replace(b, align=1) for b in schedule.buffers), gaps=())
    apart = {b.id: 4096 * k for k, b in enumerate(schedule.buffers)}
    plan, low = replace(plan_of(g, loose), arena_bytes=1 << 15), 1 << 14
    assert 0 < gap.distance_bytes < 12 * 40
    check(replace(plan, offsets={**apart, gap.low: low, gap.high: low + gap.distance_bytes}))
    refused(replace(plan, offsets={**apart, gap.low: low, gap.high: low + gap.distance_bytes - 1}), "no longer in the arena")


def wide() -> Graph:
    """An expansion and a 3x3 behind it, between small tensors: rows of 48 x 32 bytes are what it takes as a stream."""
    n = Net()
    x = n.act((1, 16, 48, 2))
    return n.graph([x], [n.conv(n.conv(n.conv(x, 32, 1), 32, 3), 2, 3, stride=2)])


def test_the_search_takes_strips_where_rows_are_what_it_needs() -> None:
    g = wide()
    problem = StageProblem(g, Target())
    plain, _ = options(problem, 1 << 20)
    least = next(chains(plain, len(g.nodes)))[0]
    found = tile_options(problem, plain, least, 10 * graph_macs(g))
    assert any(o.fusion.tiling.mode == STRIPS for o in found) and all(o.peak_bytes < least for o in found)
    assert not tile_options(problem, plain, least, 0), "a halo costs something"
    once, twice = (make_plan(g, Target(), goal=Goal("ram", f)) for f in (1.0, 1.6))
    assert twice.arena_bytes < once.arena_bytes
    assert {stage_mode(s) for _, s in twice.schedule.stages()} & {"strips", "patches"}


@pytest.mark.parametrize("tiling", [SQUARE, Tiling(PATCHES, 3, 1), Tiling(STRIPS, 1, 3)])
def test_what_the_search_expects_is_what_it_gets(tiling: Tiling) -> None:
    """Bytes, multiply-accumulates and calls of an option are those of the schedule."""
    g = residual()
    search = TileSearch(StageProblem(g, Target()))
    option = search.option(search.nodes(0, len(g.nodes)), tiling)
    assert option is not None
    plan = planned(g, tiling)
    (stage,) = (s for _, s in plan.schedule.stages())
    assert plan.arena_bytes == option.peak_bytes
    assert planned_macs(g, plan.schedule) - graph_macs(g) == option.extra_macs > 0
    assert len(stage.order) * stage.grid.tiles == sum(r.events for r in stage.rows)


def test_patches_that_a_caller_asks_for() -> None:
    """Through the operator that the caller names, whatever that costs; or through the one that makes the peak smallest."""
    g = residual()
    named = make_plan(g, Target(), goal=Goal(patches=Patches(3, 2, 4), max_overhead=1.0))
    (step,) = named.schedule.steps
    assert isinstance(step, Stage) and step.grid is not None and (len(step.grid.rows), len(step.grid.columns)) == (3, 2)
    assert stage_way(step) == "in 3×2 patches" and planned_macs(g, named.schedule) > graph_macs(g)
    free = make_plan(g, Target(), goal=Goal(patches=Patches(2, 2), max_overhead=2.0))
    first = free.schedule.steps[0]
    assert isinstance(first, Stage) and first.grid is not None
    heights = [make_plan(g, Target(), goal=Goal(patches=Patches(2, 2, k), max_overhead=2.0)).arena_bytes for k in range(len(g.nodes))]
    assert free.arena_bytes == min(heights)
    assert [b.role for b in boxes(named)].count(Role.PATCH) == 1


def test_patches_that_can_not_be() -> None:
    n = Net()
    x = n.act((1, 8, 8, 4))
    g = n.graph([x], [n.reshape(n.conv(n.conv(x, 8, 3), 8, 3), (1, 512))])
    for goal, words in (
        (Goal(patches=Patches(2, 2, 9)), "no operator 9"),
        (Goal(patches=Patches(2, 2, 2)), "operator 2 (RESHAPE) can not run in patches"),
        (Goal(patches=Patches(9, 1)), "no such grid"),
        (Goal(patches=Patches(9, 1, 1)), "no such grid"),
        (Goal(patches=Patches(2, 2), push_rows=True), "whole input"),
    ):
        with pytest.raises(UsageError) as error:
            make_plan(g, Target(), goal=goal)
        assert words in error.value.line()


def test_a_grid_as_it_is_written() -> None:
    assert (patches("3x2"), patches("1x64:17")) == (Patches(3, 2), Patches(1, 64, 17))
    for wrong in ("", "3", "x", "3x", "0x2", "65x1", "2x2x2", "2x2:", "2x2:a", "-1x2", "2 x2", "²x2", "2x2:3:4", "999999x1"):
        with pytest.raises(argparse.ArgumentTypeError, match="has no|is not"):
            patches(wrong)


COMPILERS = {
    "gcc": [*WARNINGS],
    "g++": ["-x", "c++", *(w for w in WARNINGS if w not in ("-std=c99", "-Wmissing-prototypes"))],
    "arm-none-eabi-gcc": ["-mcpu=cortex-m4", "-mthumb", *WARNINGS],
    "riscv64-unknown-elf-gcc": ["-march=rv32imc", "-mabi=ilp32", "-specs=picolibc.specs", *WARNINGS],
}


@pytest.mark.parametrize("compiler", [pytest.param(c, marks=needs(c)) for c in COMPILERS])
def test_generated_tiles_compile_without_warnings(compiler: str, tmp_path: Path) -> None:
    for name, tiling in (("p", SQUARE), ("s", Tiling(STRIPS, 1, 3))):
        project = emit_project(planned(residual(), tiling), b"", name)
        src = tmp_path / project.model_dir / "src"
        for path, text in project.files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        assert (src / "tiles_run.c").exists()
        words = [compiler, *COMPILERS[compiler], "-Os", "-ffreestanding", "-c", str(src / f"{name}.c"), "-o", str(tmp_path / "x.o")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr[:2000]

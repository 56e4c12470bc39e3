"""Several memory banks: what goes where, in plans, in generated C, in images; and that the checker refuses a wrong bank.

Random networks over two and three banks run in tests/test_random_graphs.py.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from banks import scattered
from broken_plans import refused
from case_build import WARNINGS
from conftest import REPO, needs
from networks import Net
from streams import chained, pushed
from tinyml.board import load_board
from tinyml.cli import main
from tinyml.commands.common import arena_rooms, weight_rooms
from tinyml.device.build import compile_project
from tinyml.device.files import write_files
from tinyml.device.image import flat_image, intel_hex, read_image
from tinyml.device.linker import image_banks
from tinyml.emit.calls import emit_steps
from tinyml.emit.firmware_project import emit_firmware
from tinyml.emit.project import Project, emit_project
from tinyml.emit.records import RunnerSet
from tinyml.emit.tables import TableSet
from tinyml.emit.weights import FlashRoom, heats, place_tables
from tinyml.errors import InternalError
from tinyml.ir import Graph
from tinyml.pipeline import compile_model
from tinyml.plan.check import check
from tinyml.plan.model import Arena, Plan, Target
from tinyml.plan.place_banks import Room, one_bank, split, traffic
from tinyml.plan.planner import Goal, make_plan, reorder
from tinyml.report.front import FrontPoint
from tinyml.report.memory import PlanReport, plan_report
from tinyml.report.page import plan_page
from tinyml.report.text import bank_lines

DIGITS = REPO / "examples" / "digits" / "digits.tflite"


def wide() -> Graph:
    """Two large layers, then small ones: no bank of 6 KB holds it."""
    n = Net()
    x = n.act((1, 16, 16, 8))
    a = n.conv(x, 16, 3)
    b = n.conv(a, 16, 1)
    return n.graph([x], [n.conv(n.max_pool(b, 2, 2), 4, 1)])


def over_two(graph: Graph, fast: int, slow: int, optimize: str = "balanced") -> Plan:
    return make_plan(graph, Target(), goal=Goal(optimize, 1.0, slow, rooms=(Room("", slow, 4), Room("quick", fast, 1))))


def test_one_bank_is_one_arena_in_the_fastest_that_holds_it() -> None:
    whole = make_plan(wide(), Target())
    for fast, bank in ((whole.arena_bytes, "quick"), (whole.arena_bytes - 8, "")):
        plan = over_two(wide(), fast, whole.arena_bytes)
        assert (plan.bank, plan.further, plan.arena_bytes) == (bank, (), whole.arena_bytes)
        assert plan.offsets == whole.offsets, "the plan itself is the same"
    assert one_bank(10, (Room("", 10, 2), Room("a", 10, 2), Room("b", 9, 1))) == Room("", 10, 2)


def test_what_fits_into_no_bank_goes_into_several() -> None:
    graph = reorder(wide())
    least = make_plan(graph, Target(), goal=Goal("ram", 1.0)).arena_bytes
    fast, slow = least // 2 + 512, least - 8
    plan = over_two(graph, fast, slow)
    assert [a.bank for a in plan.arenas] == ["quick", ""], "the fastest first"
    assert plan.arena_bytes <= fast and plan.further[0].size_bytes <= slow
    assert plan.total_bytes == sum(a.size_bytes for a in plan.arenas) and plan.lower_bound_bytes <= plan.total_bytes
    used = traffic(plan.graph, plan.schedule)
    size = {b.id: b.size_bytes for b in plan.schedule.buffers}
    heat = {b: used[b] / size[b] for b in size}
    away = [b for b, k in plan.arena_of.items() if k]
    assert away and max(heat, key=lambda b: heat[b]) not in away, "what is used most for its size is in the fast bank"


def test_too_little_in_all_banks_is_the_plan_for_one() -> None:
    plan = over_two(wide(), 64, 128)
    assert plan.further == () and plan.arena_bytes > 128


def test_latency_moves_what_is_hot() -> None:
    whole = make_plan(wide(), Target(optimize="latency"))
    plans = {o: over_two(wide(), whole.arena_bytes // 2, whole.arena_bytes, o) for o in ("latency", "balanced")}
    assert plans["balanced"].further == () and plans["balanced"].bank == ""
    assert [a.bank for a in plans["latency"].arenas] == ["quick", ""]


def test_traffic_by_hand() -> None:
    n = Net()
    x = n.act((1, 4, 4, 2))
    g = n.graph([x], [n.conv(x, 3, 1)])
    plan = make_plan(g, Target())
    used = traffic(plan.graph, plan.schedule)
    at = plan.schedule.layouts
    assert used[at[g.inputs[0]].buffer] == 4 * 4 * 2 * 3, "one byte per multiply-accumulate"
    assert used[at[g.outputs[0]].buffer] == 4 * 4 * 3


def two_arenas() -> Plan:
    plan = scattered(make_plan(wide(), Target()), 2, 1)
    assert len(plan.arenas) == 2 and set(plan.arena_of.values()) == {0, 1}
    return plan


def test_the_checker_knows_banks() -> None:
    plan = two_arenas()
    check(plan)
    some = next(b for b, k in plan.arena_of.items() if k == 1)
    first = next(b for b, k in plan.arena_of.items() if k == 0)
    top = plan.further[0].size_bytes
    refused(replace(plan, arena_of={**plan.arena_of, some: 2}), "does not exist")
    refused(replace(plan, arena_of={**plan.arena_of, some: -1}), "does not exist")
    refused(replace(plan, offsets={**plan.offsets, some: top}), "outside the arena")
    refused(replace(plan, offsets={**plan.offsets, first: 0}), "outside the arena")  # where the other arena's address is
    refused(replace(plan, further=(Arena("", top),), bank=""), "two lie in one bank")
    refused(replace(plan, further=(replace(plan.further[0], size_bytes=top - 8),)), "outside the arena")
    # all of them in the first arena, at the offsets that they have in theirs: it is not large enough, or they meet
    with pytest.raises(InternalError):
        check(replace(plan, arena_of={}, arena_bytes=plan.arena_bytes + top))


def test_windows_and_the_state_of_a_stream_stay_in_the_first_arena() -> None:
    n = Net()
    x = n.act((1, 12, 8, 4))
    graph = reorder(n.graph([x], [n.conv(n.conv(n.conv(x, 8, 3), 8, 3), 4, 1)]))
    blocks, rows = chained(graph, 2), pushed(graph)
    assert blocks is not None and rows is not None
    (stage,) = (s for _, s in blocks.schedule.stages())
    window = next(k.buffer for r in stage.rows for k in r.links)
    (stage,) = (s for _, s in rows.schedule.stages())
    for plan, buffer in ((blocks, window), (rows, stage.state)):
        several = scattered(plan, 3, 2)
        assert several.arena_of[buffer] == 0
        size = next(b.size_bytes for b in plan.schedule.buffers if b.id == buffer)
        more = (*several.further, Arena("elsewhere", size + 8))
        moved = replace(several, further=more, arena_of={**several.arena_of, buffer: len(more)}, offsets={**several.offsets, buffer: 0})
        refused(replace(moved, arena_bytes=moved.arena_bytes + 8, offsets=shifted(moved, 8)), "not in the first arena")


def shifted(plan: Plan, by: int) -> dict[int, int]:
    """Room for one more address in front of the first arena's buffers."""
    return {b: at + (0 if plan.arena_of.get(b, 0) else by) for b, at in plan.offsets.items()}


def test_a_pushed_stream_over_banks_is_split_like_any() -> None:
    n = Net()
    x = n.act((1, 12, 8, 4))
    rows = pushed(reorder(n.graph([x], [n.conv(n.conv(x, 8, 3), 4, 3)])))
    assert rows is not None
    found = split(rows.graph, rows.schedule, (Room("", rows.arena_bytes * 2 // 3, 4), Room("quick", rows.arena_bytes * 2 // 3, 1)))
    assert found is not None and len(found.parts) == 2


API = """
#include <string.h>
#include "digits.h"

static TM_ALIGNED(16) uint8_t a[DIGITS_ARENA_BYTES], b[DIGITS_ARENA1_BYTES], c[DIGITS_ARENA_BYTES], d[DIGITS_ARENA1_BYTES];

static void fill(digits_ctx *ctx, int seed) {
  for (int k = 0; k < DIGITS_INPUT_ELEMENTS; ++k) {
    digits_input(ctx)[k] = (int8_t)(k % 8 < seed ? 100 : -100);
  }
}

int main(void) {
  digits_ctx one, two;
  int8_t alone[DIGITS_OUTPUT_ELEMENTS];
  if (digits_init(&one, a, sizeof a, NULL, sizeof b) != TM_ERR_ARGUMENT) return 1;
  if (digits_init(&one, a, sizeof a, b, sizeof b - 1) != TM_ERR_ARENA) return 2;
  if (digits_init(&one, a, sizeof a, b + 8, sizeof b) != TM_ERR_ARENA) return 3;
  if (digits_init(&one, a, sizeof a, b, sizeof b) != TM_OK || digits_init(&two, c, sizeof c, d, sizeof d) != TM_OK) return 4;
  if (digits_model.further != 1 || tm_model_arena_bytes(&digits_model) != sizeof a + sizeof b) return 5;
  fill(&one, 3);
  if (digits_invoke(&one) != TM_OK) return 6;
  memcpy(alone, digits_output(&one), sizeof alone);
  fill(&one, 3);
  fill(&two, 5);
  for (uint32_t k = 0; k < DIGITS_STEPS; ++k) { /* two inferences, step by step beside each other */
    if (digits_step(&one, k) != TM_OK || digits_step(&two, k) != TM_OK) return 7;
  }
  if (memcmp(alone, digits_output(&one), sizeof alone) != 0) return 8;
  return memcmp(alone, digits_output(&two), sizeof alone) == 0 ? 9 : 0;
}
"""


@needs("gcc")
def test_the_generated_api_takes_one_pointer_per_arena_and_is_re_entrant(tmp_path: Path) -> None:
    compiled = compile_model(DIGITS.read_bytes(), "digits")
    plan = scattered(compiled.plan, 2, 3)
    assert len(plan.arenas) == 2
    project = emit_project(plan, b"", "digits")
    src = tmp_path / project.model_dir / "src"
    for path, text in project.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "api.c").write_text(API)
    sources = [str(p) for p in sorted(src.glob("*.c"))]
    for compiler, standard in (("gcc", "-std=c99"), ("g++", "-std=c++17")):
        words = [w for w in WARNINGS if w != "-std=c99" and not (compiler == "g++" and w == "-Wmissing-prototypes")]
        more = ["-x", "c++"] if compiler == "g++" else []
        command = [
            compiler,
            *words,
            standard,
            "-O1",
            f"-I{src}",
            *more,
            str(tmp_path / "api.c"),
            *sources,
            "-o",
            str(tmp_path / "api"),
            "-lm",
        ]
        if compiler == "g++":
            command = [
                compiler,
                standard,
                "-Wall",
                "-Wextra",
                "-Werror",
                "-c",
                *more,
                str(src / "digits.c"),
                "-o",
                str(tmp_path / "digits.o"),
            ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "api"], timeout=20).returncode == 0


def test_one_arena_is_what_it_was() -> None:
    """No trace of banks in the C of a plan with one arena."""
    project = compile_model(DIGITS.read_bytes(), "digits").project
    own = {p: t for p, t in project.files.items() if p.removeprefix(f"{project.model_dir}/src/") not in project.runtime}
    assert not any("tm_arena" in text or ".bank_" in text or "ARENA1" in text for text in own.values())


def split_weights(*rooms: FlashRoom) -> Project:
    return compile_model(DIGITS.read_bytes(), "digits", weight_rooms=rooms).project


def test_the_coldest_weights_leave_the_main_flash() -> None:
    whole = split_weights()
    assert whole.weights_in == {}
    assert split_weights(FlashRoom("", whole.weights_bytes + 64), FlashRoom("slow", 1 << 20)).files == whole.files
    some = split_weights(FlashRoom("", 3000), FlashRoom("slow", 1 << 20))
    assert set(some.weights_in) == {"slow"} and whole.weights_bytes - 3000 <= some.weights_in["slow"] < whole.weights_bytes
    assert some.model_hash != whole.model_hash, "another image, which a board must not be taken to run already"
    plan = compile_model(DIGITS.read_bytes(), "digits").plan
    tables = TableSet("digits")
    emit_steps(plan, tables, RunnerSet())
    heat = heats(plan, tables)
    away = place_tables(tables.unique, heat, (FlashRoom("", 3000), FlashRoom("slow", 1 << 20)))
    size = {t.name: t.bytes for t in tables.unique if t.section == "weights"}
    assert set(heat) >= set(size)
    stay = [n for n in size if n not in away]
    assert sum(size[n] for n in stay) <= 3000
    for cold in away:  # no room was left for it when its turn came
        hotter = sum(size[n] for n in stay if heat[n] >= heat[cold])
        assert hotter + size[cold] > 3000 - 4 * len(stay)
    hot = sum(n for name, n in size.items() if heat[name] > 1)
    dense = {n for n in size if heat[n] == 1}
    away = place_tables(tables.unique, heat, (FlashRoom("", hot), FlashRoom("slow", 1 << 20)))
    assert dense and set(away) == dense, "a fully connected layer reads each weight once"


def test_weights_that_fit_nowhere_stay_where_the_report_counts_them() -> None:
    assert split_weights(FlashRoom("", 100), FlashRoom("slow", 200)).weights_in.get("slow", 0) <= 200


def test_rooms_of_boards() -> None:
    h7, disco, nucleo = (load_board(b) for b in ("stm32h743", "stm32f746", "nucleo_f746zg"))
    assert [r.bank for r in arena_rooms(h7, None)] == ["", "dtcm"] and arena_rooms(h7, None)[1].size_bytes == 131_072
    assert [r.bank for r in arena_rooms(disco, None)] == ["", "sdram"] and arena_rooms(nucleo, None) == ()
    assert arena_rooms(h7, 100_000) == () and arena_rooms(h7, 600_000)[1].size_bytes == 600_000 - 524_288
    assert [r.bank for r in weight_rooms(disco, None)] == ["", "qspi"] and weight_rooms(h7, None) == weight_rooms(disco, 1 << 20) == ()
    assert [b.cycles for b in disco.banks if b.kind == "flash"] == sorted(b.cycles for b in disco.banks if b.kind == "flash")


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize("stand_in", [False, True])
def test_an_image_has_each_part_in_its_bank(tmp_path: Path, stand_in: bool) -> None:
    board = load_board("stm32f746")
    compiled = compile_model(DIGITS.read_bytes(), "digits", weight_rooms=(FlashRoom("", 3000), FlashRoom("qspi", 1 << 20)))
    spread = scattered(compiled.plan, 2, 3)
    spread = replace(spread, bank="", further=(replace(spread.further[0], bank="sdram"),))
    project = emit_project(spread, b"", "digits", (FlashRoom("", 3000), FlashRoom("qspi", 1 << 20)))
    write_files(tmp_path, emit_firmware(project, board, stand_in))
    built = compile_project(tmp_path, board, "emulator" if stand_in else "device", build_dir=tmp_path / "build")
    banks = {b.name: b for b in image_banks(board, stand_in)}
    sections = {s.name: s for s in built.image.sections}
    for name, bank, size in ((".bank_qspi", "qspi", project.weights_in["qspi"]), (".bank_sdram", "sdram", spread.further[0].size_bytes)):
        at = sections[name]
        assert banks[bank].origin <= at.address and at.address + at.size <= banks[bank].origin + banks[bank].size
        assert 0 <= at.size - size < 64 and at.stored == (bank == "qspi")
    assert 0 <= project.weights_bytes - project.weights_in["qspi"] - sections[".tm_weights"].size + 64 < 128
    assert built.main_ram_bytes("arena", "arena1") == spread.arena_bytes
    assert built.flash_bytes < 1 << 20
    started = {name for name in built.image.symbols if name.startswith("tm_port_bank_")}
    assert started == (set() if stand_in else {"tm_port_bank_qspi", "tm_port_bank_sdram"})


@needs("arm-none-eabi-gcc")
def test_an_image_holds_nothing_that_starts_a_bank_it_does_not_use(tmp_path: Path) -> None:
    board = load_board("stm32f746")
    write_files(tmp_path, emit_firmware(split_weights(FlashRoom("", 3000), FlashRoom("qspi", 1 << 20)), board))
    symbols = compile_project(tmp_path, board, build_dir=tmp_path / "build").image.symbols
    assert {name for name in symbols if name.startswith("tm_port_bank_")} == {"tm_port_bank_qspi"}


def report(plan: Plan, board_name: str = "stm32h743") -> PlanReport:
    compiled = compile_model(DIGITS.read_bytes(), "digits")
    return plan_report(replace(compiled, plan=plan, project=emit_project(plan, b"", "digits")), load_board(board_name), None)


def test_the_report_says_what_went_where() -> None:
    whole = compile_model(DIGITS.read_bytes(), "digits").plan
    assert bank_lines(report(whole)) == []
    plan = scattered(whole, 2, 3)
    plan = replace(plan, bank="dtcm", further=(replace(plan.further[0], bank=""),))
    made = report(plan)
    rows = {b.name: b for b in made.banks}
    assert made.ram.arena == plan.total_bytes == rows["dtcm"].arena + rows["axi"].arena
    assert rows["dtcm"].used == plan.arena_bytes and rows["axi"].used == plan.further[0].size_bytes + rows["axi"].stack
    assert made.ram.budget == 524_288 + 131_072 and made.ram.total == rows["dtcm"].used + rows["axi"].used
    (line,) = (x for x in bank_lines(made) if "dtcm" in x)
    assert f"{plan.arena_bytes:,} B of 131,072 in dtcm: arena" in line
    points = (FrontPoint(plan.total_bytes, 1, 1.0, 0, 0, True, True),)
    page = plan_page(plan, made, points)
    assert 'id="banks"' in page and f"dtcm {plan.arena_bytes:,} B" in page and 'class="border"' in page
    assert 'id="banks"' not in plan_page(whole, report(whole), points)


def test_what_does_not_fit_names_the_smallest_change(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", str(DIGITS), "--board", "stm32f746", "--no-compile", "--json"]
    assert main([*command]) == 0
    needed = json.loads(capsys.readouterr().out)["ram"]["total"]
    assert main([*command, "--ram", str(4096 + 600)]) == 5
    error = json.loads(capsys.readouterr().out)["error"]
    assert "the peak is step" in error["what"] and "B too many" in error["what"] and "\n" not in error["what"] + error["fix"]
    assert needed > 4096 + 600 and error["fix"]


class FakeEnv(dict):
    """What board/upload.py asks of PlatformIO."""

    def __init__(self, flags: list[str], uploader: str, **options: str):
        super().__init__(UPLOADERFLAGS=flags, UPLOADER=uploader, OBJCOPY="arm-none-eabi-objcopy")
        self.options = options

    def GetProjectOption(self, name: str, default: str = "") -> str:  # noqa: N802
        return self.options.get(name, default)

    def subst(self, text: str) -> str:
        return str(self[text.removeprefix("$")])

    def Replace(self, **values: object) -> None:  # noqa: N802
        self.update(values)


def test_the_external_part_is_uploaded_with_the_boards_script(tmp_path: Path) -> None:
    board = load_board("stm32f746")
    project = split_weights(FlashRoom("", 3000), FlashRoom("qspi", 1 << 20))
    files = emit_firmware(project, board)
    assert "custom_external_flash = qspi\ncustom_openocd_board = stm32f746g-disco\n" in files["platformio.ini"]
    assert "upload.py" not in emit_firmware(split_weights(), board)["platformio.ini"]
    program = ["-c", "program {$SOURCE}  verify reset; shutdown;"]
    chosen = ["-d2", "-s", "scripts", "-f", "interface/stlink.cfg", "-c", "transport select hla_swd", "-f", "target/stm32f7x.cfg", *program]
    for words, uploader, want in (
        (chosen, "openocd", ["-d2", "-s", "scripts", "-f", "board/stm32f746g-disco.cfg", *program]),
        (
            ["-s", "scripts", "-f", "board/stm32f7discovery.cfg", *program],
            "openocd",
            ["-s", "scripts", "-f", "board/stm32f746g-disco.cfg", *program],
        ),
        (["-device", "STM32F746NG"], "JLink", ["-device", "STM32F746NG"]),
    ):
        env = FakeEnv(words, uploader, custom_external_flash="qspi", custom_openocd_board="stm32f746g-disco")
        exec(files["board/upload.py"], {"Import": lambda name: None, "env": env})
        assert env["UPLOADERFLAGS"] == want
        assert env["OBJCOPY"] == "arm-none-eabi-objcopy --remove-section=.bank_qspi"


@needs("arm-none-eabi-gcc", "arm-none-eabi-objcopy")
def test_the_flat_image_ends_with_the_main_flash(tmp_path: Path) -> None:
    """0x08000000 to 0x90000000 in one file would be two gigabytes."""
    board = load_board("stm32f746")
    project = split_weights(FlashRoom("", 3000), FlashRoom("qspi", 1 << 20))
    write_files(tmp_path, emit_firmware(project, board))
    elf = compile_project(tmp_path, board, build_dir=tmp_path / "build").elf
    main_flash, qspi = (b for b in board.banks if b.kind == "flash")
    whole, external = flat_image(elf, (main_flash,)), flat_image(elf, (qspi,))
    words = ["arm-none-eabi-objcopy", "--remove-section=.bank_qspi", "-O", "binary", elf, tmp_path / "x.bin"]
    subprocess.run(words, check=True, timeout=60)
    assert whole == (main_flash.origin, (tmp_path / "x.bin").read_bytes())
    assert external[0] == qspi.origin and len(external[1]) >= project.weights_in["qspi"]
    (tmp_path / "all.hex").write_text(intel_hex(whole, external))
    subprocess.run(["arm-none-eabi-objcopy", "-I", "ihex", "-O", "elf32-littlearm", tmp_path / "all.hex", tmp_path / "y.elf"], check=True)
    back = {s.address: s.size for s in read_image(tmp_path / "y.elf").sections}
    assert back == {main_flash.origin: len(whole[1]), qspi.origin: len(external[1])}

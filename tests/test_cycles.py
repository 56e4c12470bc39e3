"""Cycle estimates: the decoders against the compilers' disassemblers, the models by hand, the counts against the exact ones."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPO, needs
from tinyml.board import list_boards, load_board
from tinyml.cycles import estimate, load_core, riscv, thumb
from tinyml.cycles.counts import read_counts
from tinyml.cycles.model import Insn, Kind

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
COLUMN = re.compile(r"\s*[0-9a-f]+:$")
# What a disassembler calls them, first match: conditions and widths follow the name.
ARM = (
    (r"it[te]*$|cmp|cmn|tst|teq", Kind.ALU),
    (r"b(x|lx)|blx$|bx$", Kind.JUMP),
    (r"(b|bl)(\.n|\.w)?$", Kind.BRANCH),
    (r"tb[bh]", Kind.TABLE),
    (r"b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)(\.|$)|cb(n)?z", Kind.BRANCH_IF),
    (r"dsb|dmb|isb|mrs|msr|svc|udf", Kind.SYSTEM),
    (r"ldm|pop|ldrd|vldm|vpop|vldr", Kind.LOADS),
    (r"stm|push|strd|vstm|vpush|vstr", Kind.STORES),
    (r"ldr", Kind.LOAD),
    (r"str", Kind.STORE),
    (r"[su]div", Kind.DIVIDE),
    (r"smlal|umlal|smull|umull|umaal", Kind.LONG),
    (r"smla|smul|smml|smmul|smls|smu|usad", Kind.DSP),
    (r"mul|mla|mls", Kind.MULTIPLY),
    (r"vdiv|vsqrt", Kind.FLOAT_DIVIDE),
    (r"vml|vnml|vfm|vfnm", Kind.FLOAT_MAC),
    (r"v", Kind.FLOAT),
)
RISCV = (
    (r"b", Kind.BRANCH_IF),
    (r"jalr|jr|ret$", Kind.JUMP),
    (r"j", Kind.BRANCH),
    (r"csr|ecall|ebreak|fence|rd|mret|wfi", Kind.SYSTEM),
    (r"l(b|h|w)u?$|fl[wd]", Kind.LOAD),
    (r"s(b|h|w)$|fs[wd]", Kind.STORE),
    (r"mulh", Kind.LONG),
    (r"mul", Kind.MULTIPLY),
    (r"div|rem", Kind.DIVIDE),
)


def tinyml(*args: object, env: dict[str, str] | None = None) -> dict:
    words = [sys.executable, "-m", "tinyml", *map(str, args), "--json"]
    p = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **(env or {})})
    assert p.returncode == 0, p.stderr[-2000:]
    return {**json.loads(p.stdout), "text": p.stderr}


def disassembled(tool: str, elf: Path) -> list[tuple[bytes, str, str]]:
    """(bytes in memory order, mnemonic, operands) of every instruction in the image."""
    out = subprocess.run([tool, "-d", str(elf)], capture_output=True, text=True, check=True).stdout
    found = []
    for line in out.splitlines():
        cells = line.split("\t")
        if len(cells) < 3 or not COLUMN.match(cells[0]) or cells[2].startswith((".", "<")):
            continue
        words = cells[1].split()
        if all(len(w) == 4 for w in words) and len(words) <= 2:  # Thumb: half-words
            data = b"".join(int(w, 16).to_bytes(2, "little") for w in words)
        else:
            data = int(words[0], 16).to_bytes(len(words[0]) // 2, "little")
        found.append((data, cells[2].strip(), cells[3] if len(cells) > 3 else ""))
    return found


@pytest.mark.parametrize(
    ("board", "tool", "decode", "names"),
    [
        pytest.param("stm32f405", "arm-none-eabi-objdump", thumb.decode, ARM, marks=needs("arm-none-eabi-gcc"), id="arm"),
        pytest.param("hifive1", "riscv64-unknown-elf-objdump", riscv.decode, RISCV, marks=needs("riscv64-unknown-elf-gcc"), id="riscv"),
    ],
)
def test_every_instruction_of_an_image_has_its_class(board, tool, decode, names, tmp_path):
    tinyml("build", DIGITS, "--board", board, "-o", tmp_path / "out")
    insns, wrong, classes = disassembled(tool, tmp_path / "out" / "firmware.elf"), set(), set()
    for data, name, operands in insns:
        kind = next((k for pattern, k in names if re.match(pattern, name)), Kind.ALU)
        if "pc" in operands.split(",")[0] and name.startswith(("ldr", "mov", "add")) and tool.startswith("arm"):
            kind = Kind.JUMP
        got = decode(data)
        leaves = kind is Kind.LOADS and re.search(r"\bpc\b", operands.partition("{")[2]) is not None
        classes.add(got.kind)
        if got.kind is not kind or got.leaves != leaves:
            wrong.add((name, operands, data.hex(), got.kind, kind))
    assert not wrong, sorted(wrong, key=str)[:10]
    assert len(insns) > 4000 and len(classes) >= 9


def test_multiples_count_their_registers():
    assert thumb.decode(bytes.fromhex("70b5")) == Insn(Kind.STORES, 4)  # push {r4, r5, r6, lr}
    assert thumb.decode(bytes.fromhex("70bd")) == Insn(Kind.LOADS, 4, leaves=True)  # pop {r4, r5, r6, pc}
    assert thumb.decode(bytes.fromhex("b1e80f00")) == Insn(Kind.LOADS, 4)  # ldmia.w r1!, {r0-r3}
    assert thumb.decode(bytes.fromhex("d1e90023")).n == 2  # ldrd


def test_the_timings_of_a_cortex_m4():
    """By the manual: LDR 2, one behind another 1; STR 1, at a register offset 2, or 1 behind LDR; nothing is pipelined behind STR;
    LDM of 4 registers 5; SMLAD 1; a taken branch 1 + 2, else 1; BX 3, LDR PC 5; TBB 6."""
    m4 = load_core("cortex-m4")
    assert m4 is not None
    load, dsp, loads, loop = Insn(Kind.LOAD), Insn(Kind.DSP), Insn(Kind.LOADS, 4), Insn(Kind.BRANCH_IF)
    assert m4.fixed([load]) == 2 and m4.fixed([load, load]) == 3 and m4.fixed([load, dsp, load]) == 5
    assert m4.fixed([loads, dsp, dsp, loop]) == 5 + 2 + 1 and m4.leaving(loop) == 2 and m4.leaving(dsp) == 0
    store, indexed = Insn(Kind.STORE), Insn(Kind.STORE, indexed=True)
    assert m4.fixed([store]) == 1 and m4.fixed([store, load]) == 3 and m4.fixed([load, store]) == 3
    assert m4.fixed([indexed]) == 2 and m4.fixed([load, indexed]) == 3 and m4.fixed([indexed, indexed]) == 4
    assert m4.fixed([load, load, loads, load]) == 3 + 5 + 2
    jump, loaded = thumb.decode(bytes.fromhex("7047")), thumb.decode(bytes.fromhex("ddf814f0"))  # bx lr; ldr pc, [sp, #20]
    assert m4.fixed([jump]) + m4.leaving(jump) == 3 and m4.fixed([loaded]) + m4.leaving(loaded) == 5
    assert m4.fixed([Insn(Kind.TABLE)]) + m4.leaving(Insn(Kind.TABLE)) == 6
    m7 = load_core("cortex-m7")
    assert m7 is not None
    assert m7.fixed([dsp, dsp]) == 2 and m7.fixed([dsp, load]) == 1 and m7.fixed([load, dsp, load]) == 2
    assert load_core("no-such-core") is None and load_core("../cortex_m4") is None


def test_every_model_belongs_to_a_core_that_boards_may_have():
    here = {p.stem for p in (REPO / "converter" / "cycles" / "cores").glob("*.py")} - {"__init__"}
    boards = {load_board(name).core.replace("-", "_") for name in list_boards()}
    assert here >= {"cortex_m4", "cortex_m7", "sifive_e31"} and {"cortex_m4", "cortex_m7"} <= boards


def block(number: int, address: int, *insns: bytes) -> bytes:
    return b"B" + struct.pack("=IQI", number, address, len(insns)) + b"".join(bytes([len(i)]) + i for i in insns)


def mark(*runs: tuple[int, int, int]) -> bytes:
    return b"M" + struct.pack("=I", len(runs)) + b"".join(struct.pack("=IQQ", *r) for r in runs)


NOP, LOOP = bytes.fromhex("00bf"), bytes.fromhex("fdd1")  # bne


def test_the_steps_are_found_by_their_exact_lengths():
    head = block(0, 0, NOP, NOP) + block(1, 4, NOP, LOOP)
    reading, between = mark((0, 1, 0)), mark((0, 5, 0))
    first, second = mark((0, 1, 0), (1, 10, 9)), mark((0, 1, 0), (1, 3, 2))
    counts = read_counts(head + between + reading + between + first + between + second + between + between)
    m4 = load_core("cortex-m4")
    assert m4 is not None
    got = estimate(counts, "cortex-m4", m4, (20, 6))
    assert got is not None and [s.instructions for s in got.steps] == [20, 6]
    assert [s.cycles for s in got.steps] == [20 + 9 * 2, 6 + 2 * 2] and got.cycles == 48
    assert got.classes == {"alu": 13, "branch if": 13}
    slow = estimate(counts, "cortex-m4", m4, (20, 6), wait_states=5)
    assert slow is not None and slow.cycles == 48 + 5 * 11
    assert estimate(counts, "cortex-m4", m4, (20, 7)) is None


def test_a_file_that_is_cut_off_loses_its_last_record_and_rubbish_is_refused():
    whole = block(0, 0, NOP) + mark((0, 1, 0)) + mark((0, 2, 0))
    assert [len(read_counts(whole[:n]).windows) for n in (len(whole), len(whole) - 1, 1, 0)] == [2, 1, 0, 0]
    with pytest.raises(ValueError, match="unknown record"):
        read_counts(b"?" + whole)


@needs("cc")
def test_the_plugin_compiles_without_a_warning(tmp_path):
    flags = "-std=c99 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wmissing-prototypes -Werror -shared -fPIC".split()
    source = REPO / "runtime_c" / "emulator" / "count.c"
    p = subprocess.run(["cc", *flags, "-o", tmp_path / "count.so", source], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stderr


@needs("arm-none-eabi-gcc", "qemu-system-arm", "cc")
def test_bench_estimates_cycles_from_exactly_the_instructions_it_counts(tmp_path):
    got = tinyml("bench", DIGITS, "--board", "stm32f405", env={"XDG_CACHE_HOME": str(tmp_path)})
    assert sum(got["estimate"]["classes"].values()) == sum(r["count"] for r in got["layers"])
    assert got["cycles_estimate"] == got["estimate"]["cycles"] > got["instructions"]
    assert abs(sum(r["cycles_estimate"] for r in got["layers"]) - got["cycles_estimate"]) <= len(got["layers"])
    assert got["estimate"]["core"] == "cortex-m4" and "estimate " in got["text"] and "Cortex-M4" in got["text"]
    assert len(list((tmp_path / "tinyml").iterdir())) == 1, "the plugin is kept"
    slow = tinyml("bench", DIGITS, "--board", "stm32f405", "--wait-states", 5, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert slow["cycles_estimate"] > got["cycles_estimate"] and slow["instructions"] == got["instructions"]


@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_without_a_compiler_for_the_plugin_there_are_plain_counts_and_the_reason(tmp_path):
    links = tmp_path / "bin"
    links.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).glob("*"):
            if tool.name.startswith(("arm-none-eabi-", "qemu-system-arm")) and not (links / tool.name).exists():
                (links / tool.name).symlink_to(tool)
    got = tinyml("bench", DIGITS, "--board", "stm32f405", env={"XDG_CACHE_HOME": str(tmp_path), "PATH": str(links)})
    assert got["instructions"] > 0 and got["cycles_estimate"] is None and got["estimate"] is None
    assert "no compiler for the emulator's plugin" in got["text"]

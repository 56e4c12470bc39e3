"""The report of `bench`: its rows add up to the total exactly, wherever the firmware runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import REPO, needs
from tinyml.commands.bench import read_baseline, report
from tinyml.device.files import MARKER
from tinyml.device.measure import REPEATS, Measurement
from tinyml.device.records import find_record
from tinyml.errors import UsageError
from tinyml.report.bench import Clock, Where, comparison, summary, table
from tinyml.report.memory import LayerRow

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
DIGITS_MACS = 80_864
ROWS = tuple(LayerRow(k, op, k, (1, 2, k + 1), macs, 0, ()) for k, (op, macs) in enumerate([("CONV_2D", 1000), ("SOFTMAX", 0)]))
BOARD = Where(
    on="device", target="nucleo at /dev/ttyACM0", board="nucleo", emulated=False, stand_in=False, port="/dev/ttyACM0", baud=115_200,
    clock=Clock(200_000_000, 200_000_000, False), caches=("instruction",), fpu=True, counter_name="DWT CYCCNT", counter_hz=200_000_000,
    stack=300, stack_size=4096, compiler="gcc 1.2", flags=("-mcpu=cortex-m7", "-Os", "-DX=1"), tool_version="9.9", model="net.tflite",
    model_hash="00",
)  # fmt: skip


def tinyml(*args: object, code: int = 0, cwd: Path | None = None) -> dict:
    env = {**os.environ, "COLUMNS": "60"}  # a narrow terminal cuts no numbers
    words = [sys.executable, "-m", "tinyml", "bench", DIGITS, *args, "--json"]
    p = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, check=False, env=env, cwd=cwd)
    assert p.returncode == code, p.stderr[-2000:]
    return {**json.loads(p.stdout), "text": p.stderr}


def test_times_and_cycles_of_a_board():
    m = Measurement("cycles", 200_000_000, (2000, 2600, 2400, 2200), (1500, 400))
    r = report(BOARD, m, ROWS)
    out = r.to_json()
    assert (out["total"], out["cycles"], out["instructions"], out["unattributed"]) == (2200, 2200, None, 300)
    assert out["latency_us"] == {"min": 10.0, "median": 11.5, "max": 13.0} and out["repeats"] == 4
    assert out["cycles_per_mac"] == 2.2 and out["layers"][0] == {
        "index": 0, "name": "CONV_2D", "operator": 0, "shape": [1, 2, 1], "macs": 1000, "count": 1500, "us": 7.5,
        "cycles": 1500, "per_mac": 1.5, "share": 1500 / 2200, "cycles_estimate": None,
    }  # fmt: skip
    assert out["layers"][1]["per_mac"] is None
    lines = table(r)
    assert lines[-2].split() == ["unattributed", "300", "13.6", "%", "1.5"] and lines[-1].split()[:2] == ["total", "2,200"]
    assert len(lines) == 2 + 2 + 1 and not any(line.endswith(" ") for line in lines)
    text = "\n".join(summary(r))
    for fact in ("11.5 us", "10.0 us to 13.0 us", "200 MHz", "caches on: instruction", "DWT CYCCNT", "115,200 baud", "300 B of 4,096"):
        assert fact in text
    assert "gcc 1.2, -mcpu=cortex-m7 -Os" in text and "tinyml 9.9" in text and "2.20 per MAC" in text and "WARNING" not in text


def test_a_clock_that_did_not_start_is_a_warning_and_an_unknown_image_is_told():
    m = Measurement("cycles", 16_000_000, (2000,), (1500, 400))
    slow = replace(BOARD, clock=Clock(16_000_000, 200_000_000, True), compiler="", flags=())
    text = "\n".join(summary(report(slow, m, ROWS)))
    assert "WARNING" in text and "200 MHz" in text and "16 MHz" in text and "compiler unknown" in text
    out = report(slow, m, ROWS).to_json()
    assert out["clock_fallback"] is True and out["compiler"] is None and out["flags"] is None
    # emulated clocks say nothing of the board
    assert "MHz" not in "\n".join(summary(report(replace(slow, emulated=True), Measurement("instructions", 0, (2000,), (1500, 400)), ROWS)))


def test_ticks_of_a_timer_become_cycles_of_the_core():
    out = report(BOARD, Measurement("ticks", 50_000_000, (500,), (300, 100)), ROWS).to_json()
    assert (out["total"], out["cycles"], out["cycles_per_mac"]) == (500, 2000, 2.0) and out["latency_us"]["median"] == 10.0
    unknown = report(replace(BOARD, clock=Clock(0, 0, False)), Measurement("ticks", 50_000_000, (500,), (300, 100)), ROWS)
    assert unknown.to_json()["cycles"] is None and "500 ticks" in summary(unknown)[0]


PLACES = [
    pytest.param(("--on", "host", "--board", "host"), id="host"),
    pytest.param(("--on", "host", "--board", "stm32f405"), id="host, for a board whose kernels it can not run"),
    *(
        pytest.param(("--board", b, *how), id=f"{b} {how[-1]} {how[0]}", marks=[needs(cc, qemu), pytest.mark.emulator])
        for b, cc, qemu in (
            ("stm32f405", "arm-none-eabi-gcc", "qemu-system-arm"),
            ("stm32f746", "arm-none-eabi-gcc", "qemu-system-arm"),
            ("hifive1", "riscv64-unknown-elf-gcc", "qemu-system-riscv32"),
        )
        for how in (("--on", "emulator"), ("--port", "emulator"))
    ),
]


@pytest.mark.parametrize("where", PLACES)
def test_rows_and_unattributed_are_the_total(where):
    out = tinyml(*where)
    unit = out["counter"]
    assert sum(layer[unit] for layer in out["layers"]) + out["unattributed"] == out["total"] > 0
    assert out["macs"] == sum(layer["macs"] for layer in out["layers"]) == DIGITS_MACS and len(out["layers"]) == 9
    assert out["compiler"] and "-Os" in out["flags"] and out["tool_version"]
    # the text shows the same numbers, and they add up as well
    rows = [line.split() for line in out["text"].splitlines() if " unattributed " in line or line.strip().startswith("total ")]
    assert [int(r[1].replace(",", "")) for r in rows] == [out["unattributed"], out["total"]]
    if unit == "instructions":
        assert out["instructions"] == out["total"] and out["latency_us"] is None and out["repeats"] == 1 and out["emulated"]
        assert 0 <= out["unattributed"] < 0.01 * out["total"]
        assert out["on"] == ("device" if "--port" in where else "emulator") and out["stand_in"] == ("stm32f746" in where)
    else:
        t = out["latency_us"]
        assert 0 < t["min"] <= t["median"] <= t["max"] and out["repeats"] == REPEATS and out["instructions"] is None


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_the_port_of_an_emulator_counts_what_the_emulator_counts():
    a, b = (tinyml("--board", "stm32f405", *how) for how in (("--on", "emulator"), ("--port", "emulator")))
    assert (a["total"], a["layers"], a["unattributed"]) == (b["total"], b["layers"], b["unattributed"])
    assert (a["port"], b["port"]) == (None, "emulator") and "--port" not in b["target"] and "serial port" in b["target"]


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_a_baseline_is_compared_row_by_row(tmp_path):
    first = tinyml("--board", "stm32f405")
    file = tmp_path / "before.json"
    before = {k: v for k, v in first.items() if k != "text"}
    before["total"] *= 2
    before["layers"][0]["count"] *= 4
    file.write_text(json.dumps(before))
    out = tinyml("--board", "stm32f405", "--baseline", file)
    assert out["baseline"]["total"] == before["total"] and "now: -50.0 %" in out["text"]
    rows = [line.split() for line in out["text"].splitlines() if "CONV_2D" in line]
    assert rows[0][-2:] == ["-75.0", "%"] and rows[1][-1] == "same"
    error = tinyml("--on", "host", "--board", "host", "--baseline", file, code=2)
    assert "instructions" in error["error"]["what"] and "ticks" in error["error"]["what"]


def test_a_baseline_of_another_plan_compares_only_totals():
    r = report(BOARD, Measurement("cycles", 200_000_000, (2200,), (1500, 400)), ROWS)
    other = {**r.to_json(), "layers": r.to_json()["layers"][:1]}
    assert "before" not in table(r, other)[0] and "layers are not compared" in comparison(r, other, "f")
    assert "before" in table(r, r.to_json())[0] and "same" in comparison(r, r.to_json(), "f")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"layers": 3, "total": 1, "counter": "cycles"}', "\xff"])
def test_a_baseline_that_is_none_is_a_usage_error(tmp_path, text):
    file = tmp_path / "f.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="no report"):
        read_baseline(file)
    with pytest.raises(UsageError, match="can not be read"):
        read_baseline(tmp_path / "none.json")


def test_the_record_of_an_image_is_found_by_its_hash(tmp_path):
    def write(name: str, age: int, text: str | None = None, **more: object) -> None:
        plan = {"model_hash": more.pop("model_hash", "aa"), "board": more.pop("board", "b")}
        (tmp_path / name).mkdir()
        file = tmp_path / name / MARKER
        file.write_text(text if text is not None else json.dumps({"version": "1", "compiler": f"gcc {name}", "plan": plan, **more}))
        os.utime(file, (age, age))

    assert find_record(tmp_path, "aa", "b", "1") == ("", ())
    write("old", 10, flags=["-O1"])
    write("new", 20, flags=["-O2"])
    write("hash", 30, model_hash="bb")
    write("board", 31, board="c")
    write("version", 32, version="2")
    write("uncompiled", 33, compiler=None)
    write("broken", 34, "{")
    write("list", 35, "[]")
    assert find_record(tmp_path, "aa", "b", "1") == ("gcc new", ("-O2",))
    assert find_record(tmp_path, "bb", "b", "1") == ("gcc hash", ())

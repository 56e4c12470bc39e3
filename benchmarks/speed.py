"""Instructions per inference on emulated cores, beside the peers' and what the project asks of itself.

    python benchmarks/speed.py [--board stm32f746 ...] [MODEL ...]     measure and print (default: all models that are there)
    python benchmarks/speed.py --layers MODEL                          instructions per MAC of each operator
    python benchmarks/speed.py --write                                 also record the counts for tests/test_instructions.py

Counts are exact and repeatable: one instruction, one tick of the emulator's counter. Models lie in ../shared/models. Peers:
TensorFlow Lite Micro of August 2026 with CMSIS-NN (DSP path) and gcc 12.2 -O2 on an emulated Cortex-M7, TinyEngine of
November 2024 with -Ofast; both measured the same way, initialisation left out. On RV32IMC, TensorFlow Lite Micro has its
reference kernels only, and TinyEngine none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models"
RECORD = ROOT / "tests" / "data" / "instructions.json"
BOARDS = ("stm32f746", "stm32f405", "riscv32")


@dataclass(frozen=True)
class Goal:
    """Millions of instructions per inference: of the peers (None: they reject the model or compute it wrongly), and what ours
    must not exceed and aims at."""

    tflm: float
    tinyengine: float | None
    must: float
    aim: float


CORTEX_M = {
    "ad01_int8": Goal(0.583, 0.77, 0.30, 0.25),
    "ic_resnet8_int8": Goal(29.94, None, 12.5, 10.8),
    "kws_dscnn_int8": Goal(7.64, None, 3.0, 2.6),
    "str_ww_int8": Goal(2.19, None, 1.0, 0.8),
    "vww_96_int8": Goal(24.03, None, 5.3, 4.5),
    "mcunet_vww": Goal(47.80, 42.7, 15.5, 13.2),
    "mcunetv2_large": Goal(834.7, None, 320.0, 260.0),
}


RV32IMC = {
    "ad01_int8": Goal(2.51, None, 0.88, 0.60),
    "ic_resnet8_int8": Goal(127.1, None, 36.0, 31.5),
    "kws_dscnn_int8": Goal(45.6, None, 8.2, 7.0),
    "str_ww_int8": Goal(9.82, None, 3.2, 2.7),
    "vww_96_int8": Goal(114.1, None, 13.0, 11.0),
    "mcunet_vww": Goal(207.1, None, 39.0, 33.0),
    "mcunetv2_large": Goal(3242.0, None, 780.0, 660.0),
}
# Cycles per MAC of the whole model (dead channels counted) on a Cortex-M4: the best published figure of the closed engines (MLPerf
# Tiny, closed division: ST Edge AI, Plumerai), and what our estimate must not exceed; with millions of MACs.
CYCLES = {
    "ad01_int8": (0.264, 1.84, 1.60),
    "ic_resnet8_int8": (12.50, 1.59, 1.30),
    "kws_dscnn_int8": (2.66, 1.95, 1.55),
    "vww_96_int8": (7.49, 1.42, 1.10),
}
ESTIMATED = "stm32f405"

GOALS = {"stm32f746": CORTEX_M, "stm32f405": CORTEX_M, "riscv32": RV32IMC}


def bench(model: Path, board: str, *options: str) -> dict[str, Any] | str:
    """The report of `tinyml bench --json` with `options`, or its one line of why not."""
    command = [sys.executable, "-m", "tinyml", "bench", "--board", board, "--on", "emulator", "--json", *options, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=os.environ)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    return json.loads(done.stdout)


def layers(report: dict[str, Any]) -> str:
    """Instructions per MAC, operator by operator."""
    rows = [f"{'step':>4}  {'operator':18} {'output':14} {'instructions':>12} {'MACs':>12} {'per MAC':>8}"]
    for step in report["layers"]:
        shape, macs, count = "x".join(map(str, step["shape"])), step["macs"], step["instructions"]
        per = f"{count / macs:8.2f}" if macs else ""
        rows.append(f"{step['index']:4}  {step['name']:18} {shape:14} {count:12,} {macs:12,} {per}")
    return "\n".join(rows)


def line(name: str, board: str, report: dict[str, Any] | str) -> str:
    goal = GOALS[board][name]
    if isinstance(report, str):
        return f"{name:18} {report}"
    count = report["instructions"] / 1e6
    verdict = "aim reached" if count <= goal.aim else "must reached" if count <= goal.must else f"{count / goal.must:.2f} x must"
    peer = "-" if goal.tinyengine is None else f"{goal.tinyengine:.2f}"
    return (
        f"{name:18} {count:9.3f} M {report['instructions'] / report['macs']:8.2f} {goal.tflm:9.2f} M {goal.tflm / count:6.2f} x {peer:>10}"
        f" {goal.must:8.2f} {goal.aim:8.2f}   {verdict}"
    )


def cycles_line(name: str, report: dict[str, Any]) -> str:
    macs, published, must = CYCLES[name]
    cycles = report["cycles_estimate"]
    if cycles is None:
        return f"{name:18} no estimate"
    per = cycles / 1e6 / macs
    return f"{name:18} {cycles / 1e6:9.3f} M {per:8.2f} {published:10.2f} {must:8.2f}   {'must reached' if per <= must else f'{per / must:.2f} x must'}"


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="*", help="names of models (default: all)")
    p.add_argument("--board", action="append", help=f"board to emulate, may be repeated (default: {', '.join(BOARDS)})", choices=BOARDS)
    p.add_argument("--layers", action="store_true", help="every operator of each model")
    p.add_argument("--write", action="store_true", help=f"record the counts in {RECORD.relative_to(ROOT)}")
    args = p.parse_args()
    names = [n for n in args.models or CORTEX_M if (MODELS / f"{n}.tflite").exists()]
    if not names:
        print(f"no models in {MODELS}", file=sys.stderr)
        return 2
    record: dict[str, dict[str, int]] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for board in args.board or BOARDS:
        print(
            f"\n{board}, emulated\n{'model':18} {'tinyml':>11} {'per MAC':>8} {'TFLM':>11} {'faster':>8} {'TinyEngine':>10} {'must':>8} {'aim':>8}"
        )
        reports = {}
        for name in names:
            report = bench(MODELS / f"{name}.tflite", board)
            print(line(name, board, report), flush=True)
            if isinstance(report, dict):
                reports[name] = report
                record.setdefault(board, {})[name] = report["instructions"]
                if args.layers:
                    print(layers(report))
        if board == ESTIMATED:
            print(f"\n{board}, cycles estimated (see `tinyml bench`)\n{'model':18} {'cycles':>11} {'per MAC':>8} {'published':>10} {'must':>8}")
            print("\n".join(cycles_line(n, r) for n, r in reports.items() if n in CYCLES), flush=True)
    if args.write:
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the smallest plans cost: arena, instructions and code of fused builds beside those of layer by layer.

    python benchmarks/fused.py [MODEL ...]     measure and print (default: all models that are there)
    python benchmarks/fused.py --write         also record arenas and instructions for tests/test_fused.py

`fused` is `--optimize ram --max-overhead 1.02`, layer by layer `--optimize balanced`, both for stm32f746 (mcunetv2_large: stm32h743),
on an emulated Cortex-M7, where instructions are exact. `pushed` is the arena with `--input-mode rows`. Models lie in ../shared/models.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared" / "models"
RECORD = ROOT / "tests" / "data" / "fused.json"
FUSED = ("--optimize", "ram", "--max-overhead", "1.02")
LAYERS = ("--optimize", "balanced")


@dataclass(frozen=True)
class Goal:
    """Bytes of the arena that must not be exceeded with a resident input, and with a pushed one."""

    arena: int
    pushed: int | None = None
    board: str = "stm32f746"


GOALS = {
    "ad01_int8": Goal(2_048),
    "ic_resnet8_int8": Goal(16_500, 13_500),
    "kws_dscnn_int8": Goal(6_600),
    "str_ww_int8": Goal(4_100),
    "vww_96_int8": Goal(29_200, 15_500),
    "mcunet_vww": Goal(23_000, 17_800),
    "mcunetv2_large": Goal(242_000, None, "stm32h743"),
}
RECORDED = ("arena", "pushed", "instructions")
INSTRUCTIONS, CODE = 1.10, 1.5  # most that a fused build may take, as a multiple of layer by layer


@dataclass(frozen=True)
class Figures:
    arena: int
    pushed: int | None
    instructions: int
    code: int
    layers_instructions: int
    layers_code: int


def tinyml(*words: str) -> dict[str, Any]:
    """The JSON that a command prints; SystemExit with its error line where it fails."""
    command = [sys.executable, "-m", "tinyml", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1])
    return json.loads(done.stdout)


def measure(model: Path) -> Figures:
    goal = GOALS[model.stem]
    where = (str(model), "--board", goal.board)
    plans = [tinyml("plan", *where, *how) for how in (FUSED, LAYERS)]
    counts = [tinyml("bench", *where, *how, "--on", "emulator")["instructions"] for how in (FUSED, LAYERS)]
    pushed = tinyml("plan", *where, *FUSED, "--input-mode", "rows")["ram"]["arena"] if goal.pushed else None
    code = [p["flash"]["code"] for p in plans]
    return Figures(plans[0]["ram"]["arena"], pushed, counts[0], code[0], counts[1], code[1])


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="*", help="names of models (default: all)")
    p.add_argument("--write", action="store_true", help=f"record the figures in {RECORD.relative_to(ROOT)}")
    args = p.parse_args()
    record: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    print(
        f"{'model':18} {'arena':>8} {'must':>8} {'pushed':>8} {'must':>8} {'instructions':>13} {'of layers':>9} {'code':>7} {'of layers':>9}"
    )
    for name in args.models or GOALS:
        if not (MODELS / f"{name}.tflite").exists():
            continue
        f, goal = measure(MODELS / f"{name}.tflite"), GOALS[name]
        print(
            f"{name:18} {f.arena:8,} {goal.arena:8,} {f.pushed or '-':>8} {goal.pushed or '-':>8} {f.instructions:13,}"
            f" {f.instructions / f.layers_instructions:9.3f} {f.code:7,} {f.code / f.layers_code:9.2f}",
            flush=True,
        )
        record[name] = {k: v for k, v in asdict(f).items() if k in RECORDED}
        if args.write:
            RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

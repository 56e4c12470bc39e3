"""The cost model of the kernel variants against exact counts: what each says a layer takes, and what it takes.

    python benchmarks/costs.py [--board stm32f746 ...] [MODEL ...]

Lowering picks a layer's kernel, and the planner trades RAM against time, by `Variant.instructions`. This prints, for every variant
that the models use, counted over estimated instructions: the smallest, the median and the largest of its layers, and the sum's. Where
the sums leave each other by more than some 15 %, the variant's estimate wants to be fitted anew. Counts are of an emulator and exact.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from speed import CORTEX_M, GOALS, MODELS, bench

from tinyml.board import load_board
from tinyml.pipeline import compile_model
from tinyml.plan.model import Step
from tinyml.variants import load_variants

Layers = dict[str, list[tuple[str, float, int]]]  # variant -> (layer, estimated, counted)


def collect(path: Path, board: str, found: Layers) -> None:
    """Adds the layers of a model that run as a step of their own."""
    report = bench(path, board)
    if isinstance(report, str):
        print(f"{path.stem}: {report}", file=sys.stderr)
        return
    known = {f"tm_{v.name}": v for group in load_variants().values() for v in group}
    plan = compile_model(path.read_bytes(), path.stem, load_board(board).isa).plan
    for k, step in enumerate(plan.schedule.steps):
        used = [known[c.func] for c in step.calls if c.func in known]
        if isinstance(step, Step) and len(used) == 1:
            view = plan.graph.view(plan.graph.nodes[step.node])
            shape = "x".join(map(str, view.y.shape[1:]))
            found[used[0].name].append((f"{path.stem} {shape}", used[0].instructions(view), report["layers"][k]["instructions"]))


def table(found: Layers) -> str:
    rows = [f"{'variant':44} {'layers':>6} {'least':>6} {'median':>6} {'most':>6} {'sum':>6}   the layer that is furthest off"]
    for name, layers in sorted(found.items()):
        ratios = [counted / estimated for _, estimated, counted in layers]
        total = sum(c for *_, c in layers) / sum(e for _, e, _ in layers)
        worst = max(layers, key=lambda layer: abs(layer[2] - layer[1]))
        rows.append(
            f"{name:44} {len(layers):6} {min(ratios):6.2f} {statistics.median(ratios):6.2f} {max(ratios):6.2f} {total:6.2f}   "
            f"{worst[0]}: {worst[2]:,} for {worst[1]:,.0f}"
        )
    return "\n".join(rows)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="*", help="names of models (default: all)")
    p.add_argument("--board", action="append", choices=tuple(GOALS), help=f"may be repeated (default: {', '.join(GOALS)})")
    args = p.parse_args()
    names = [n for n in args.models or CORTEX_M if (MODELS / f"{n}.tflite").exists()]
    if not names:
        print(f"no models in {MODELS}", file=sys.stderr)
        return 2
    for board in args.board or GOALS:
        found: Layers = defaultdict(list)
        for name in names:
            collect(MODELS / f"{name}.tflite", board, found)
        print(f"\n{board}, emulated: counted / estimated instructions\n{table(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

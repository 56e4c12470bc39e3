"""The patches of `tinyml quantize`: the front operators on a grid, with widths of feature maps patch by patch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.commands.common import grid
from tinyml.errors import UsageError
from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.network import Network
from tinyml.quantize.patch_search import Judged, best_choice, patch_ends
from tinyml.quantize.patch_widths import PatchRecipe, prepare_patches
from tinyml.quantize.patches import unroll
from tinyml.quantize.quantise import Recipe
from tinyml.quantize.score import Score
from tinyml.quantize.score import of as score_of

SIGMAS = 2.0
SIMULATED = 200  # samples on which choices are compared
Progress = Callable[[str], None]
Arena = Callable[[Network], int]  # of a network as planned


def several(text: str) -> tuple[int, int]:
    rows, columns = grid(text)
    if rows * columns == 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a grid such as 2x2, of more than one patch")
    return rows, columns


def add_patches(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--patches", type=several, metavar="RxC", help="compute the front in R x C patches, each with widths of its own (QuantMCU)"
    )
    p.add_argument("--patch-end", type=int, metavar="K", help="how many operators go in patches (default: what needs the smallest arena)")


@dataclass(frozen=True, eq=False)
class InPatches:
    """end: operators in patches. eight_arena: of the same patches with 8 bits everywhere."""

    prepared: PatchRecipe
    judged: Judged
    end: int
    network: Network
    eight_arena: int

    def score(self, data: Calibration) -> tuple[Score, Score]:
        """The float network's, and this one's as simulated."""
        exact = evaluate(self.prepared.recipe.prepared.graph, data.inputs)[0]
        c = self.judged.choice
        return score_of(exact, exact, data), score_of(self.prepared.simulate(data.inputs, self.prepared.grids(c.low, c.eight)), exact, data)

    def to_json(self) -> dict[str, Any]:
        c, p = self.judged.choice, self.prepared.patched
        by_input = self.judged.by_input
        return {
            "operators": self.end, "patches": p.patches, "outlier_patches": sorted(c.eight), "lambda": c.settings.weight,
            "widths": {str(i): b for i, b in c.widths.items()}, "bitops_share": self.judged.share, "error": self.judged.error,
            "int8_arena": self.eight_arena,
            "by_input": None if by_input is None else {"bitops_share": by_input[0], "error": by_input[1]},
        }  # fmt: skip

    def lines(self) -> list[str]:
        c, j = self.judged.choice, self.judged
        bits = ", ".join(f"{b}" for b in c.widths.values()) or "8"
        out = [
            f"{self.end} operators in {self.prepared.patched.patches} patches; outliers in {sorted(c.eight) or 'none'}; "
            f"bits of the others' feature maps: {bits} (lambda {c.settings.weight:.2f})",
            f"bit operations {100 * j.share:.1f} % of the same patches at 8 bits; error added {100 * j.error:.3f} % of the outputs' variance",
        ]
        if j.by_input is not None:
            share, error = j.by_input
            out.append(f"classes by input instead of by position would take {100 * share:.1f} % and add {100 * error:.3f} %")
        return out


def put_in_patches(
    args: argparse.Namespace, recipe: Recipe, data: Calibration, bitops: float | None, arena: Arena, progress: Progress
) -> InPatches:
    """The recipe's network in patches, as the options ask. arena: of a network on integers. Raises UsageError."""
    rows, columns = args.patches
    end, eight = _end(args, recipe, rows, columns, arena, progress)
    some = data.take(np.arange(len(data)) < SIMULATED)
    progress("observing patches")
    prepared = prepare_patches(recipe, end, rows, columns, some, SIGMAS)
    judged = best_choice(prepared, some, bitops, SIGMAS, None, progress)
    network = prepared.network(prepared.grids(judged.choice.low, judged.choice.eight), args.float_io)
    return InPatches(prepared, judged, end, network, eight)


def _end(args: argparse.Namespace, recipe: Recipe, rows: int, columns: int, arena: Arena, progress: Progress) -> tuple[int, int]:
    """How many operators, and the arena of these patches at 8 bits."""
    network = recipe.prepared.network
    if args.patch_end is not None:
        if not 1 <= args.patch_end < len(network.graph.nodes):
            raise UsageError("--patch-end", f"{args.patch_end} is not within 1..{len(network.graph.nodes) - 1}", "see `tinyml plan`")
        ends: tuple[int, ...] = (args.patch_end,)
        unroll(network, args.patch_end, rows, columns)
    else:
        ends = patch_ends(network, rows, columns)
        if not ends:
            raise UsageError("--patches", "no operators in front can be computed in patches", "leave it out")
    sized = []
    for end in ends:
        progress(f"patches of {end} operators")
        sized.append((arena(_at_eight(recipe, end, rows, columns)), end))
    least, end = min(sized)
    return end, least


def _at_eight(recipe: Recipe, end: int, rows: int, columns: int) -> Network:
    made = PatchRecipe.of(recipe, unroll(recipe.prepared.network, end, rows, columns))
    return made.network(made.grids({}, frozenset(range(rows * columns))))

"""`tinyml quantize --tolerance`: operators that lose too much on int8 get activations of 16 bits or stay float32."""

from __future__ import annotations

from collections.abc import Callable

from tinyml.errors import DoesNotFit
from tinyml.quantize.budget import Limits, Made, fits
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.costs import costs_of
from tinyml.quantize.network import Network
from tinyml.quantize.quantise import EIGHT, Recipe, Widths, quantise
from tinyml.quantize.relief import Room, cheapest_kinds, losses
from tinyml.quantize.score import score

TRIES = 4
TIGHTER = 0.9  # beyond what was missed


def relieved(
    network: Network, data: Calibration, eight: Made, limits: Limits, tolerance: float, seed: int, float_io: bool,
    make: Callable[[Recipe], Made], progress: Callable[[str], None],
) -> Made:  # fmt: skip
    """The int8 network `eight` where its output error is tolerated, else the cheapest one whose error is. Raises DoesNotFit."""
    if fits(eight, limits) and score(eight.recipe, data)[1].error <= tolerance:
        return eight
    p = eight.recipe.prepared
    lost, costs = losses(p, seed, progress), costs_of(p)
    tables = eight.weights - costs.weight_bytes(EIGHT)
    allowed = tolerance
    weights = None if limits.weights is None else limits.weights - tables
    peak = None if limits.arena is None else max(limits.arena, int(costs.peak_bytes(EIGHT) * limits.arena / max(1, eight.arena)))
    for _ in range(TRIES):
        progress("choosing kinds")
        kinds = cheapest_kinds(p, lost, allowed, Room(weights, peak), float_io)
        if kinds is None:
            break
        refused = kinds.float32 | frozenset(n.index for n in p.graph.nodes if n.index not in p.quantised)
        recipe, _ = quantise(network, data, Widths(wide=kinds.wide), seed, float_io, progress=progress, refused=refused)
        made = make(recipe)
        error = score(recipe, data)[1].error
        if fits(made, limits) and error <= tolerance:
            return made
        if error > tolerance:
            allowed *= TIGHTER * tolerance / error
        if weights is not None and limits.weights is not None and made.weights > limits.weights:
            weights -= made.weights - limits.weights
        if peak is not None and limits.arena is not None and made.arena > limits.arena:
            peak = int(peak * TIGHTER * limits.arena / made.arena)
    raise DoesNotFit(
        p.graph.name, f"no choice of int8, int16 and float32 operators keeps the output error within {100 * tolerance:g} % in what there is",
        "tolerate more, raise --ram or --flash, or add --float-io", stage="quantize",
    )  # fmt: skip

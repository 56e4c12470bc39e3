"""The most accurate network within budgets: the integer programme's choice, made, planned, and tightened until it really fits.

The programme counts activations layer by layer, the planner does better; so the real arena of the int8 network says how the two
compare, and what turns out too large is tried again with a smaller allowance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tinyml.errors import DoesNotFit
from tinyml.quantize.costs import Costs, Speed, costs_of
from tinyml.quantize.network import Network
from tinyml.quantize.offers import Candidate, Offers, candidate, front, offers
from tinyml.quantize.quantise import EIGHT, Prepared, Recipe, choose
from tinyml.quantize.search import Budget, solve
from tinyml.quantize.sensitivity import Sensitivity, measure
from tinyml.quantize.speed import speed_of

TRIES = 6
TIGHTER = 0.98  # beyond what was missed


@dataclass(frozen=True)
class Limits:
    """What there is, in bytes as planned, in bit operations and in instructions; None for any amount."""

    arena: int | None = None
    weights: int | None = None
    bitops: int | None = None
    instructions: int | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """A network as it will be written, what the planner says of it, and instructions of one inference, where they matter."""

    recipe: Recipe
    network: Network
    content: bytes
    arena: int
    weights: int
    bitops: int
    instructions: int | None = None


Make = Callable[[Recipe], Made]  # assembles, writes and plans


@dataclass(frozen=True, eq=False)
class Search:
    """Everything that was measured of a network's widths. speed: where instructions matter, at the scale of `Made.instructions`."""

    prepared: Prepared
    eight: Made
    sensitivity: Sensitivity
    plain: bool
    seed: int
    speed: Speed | None = None

    def front(self, most: int) -> list[Candidate]:
        return front(costs_of(self.prepared, self.speed), self.sensitivity, offers(self.prepared, self.plain), most)


def fits(m: Made, limits: Limits) -> bool:
    pairs = ((m.arena, limits.arena), (m.weights, limits.weights), (m.bitops, limits.bitops), (m.instructions or 0, limits.instructions))
    return all(most is None or used <= most for used, most in pairs)


def explore(p: Prepared, eight: Made, plain: bool, seed: int, progress: Callable[[str], None], isa: frozenset[str] | None = None) -> Search:
    """Measures how much every tensor suffers from every width on offer. isa: of the board whose instructions matter."""
    offered = offers(p, plain)
    speed = None
    if isa is not None:
        progress("estimating instructions")
        found = speed_of(eight.recipe, offered, isa)
        speed = found if eight.instructions is None else found.scaled(eight.instructions / max(1.0, found.base))
    return Search(p, eight, measure(p, offered.weights, offered.activations, seed, progress), plain, seed, speed)


def best_within(s: Search, limits: Limits, make: Make, progress: Callable[[str], None]) -> tuple[Made, Candidate]:
    """Raises DoesNotFit where no widths on offer do."""
    costs, offered = costs_of(s.prepared, s.speed), offers(s.prepared, s.plain)
    eight = candidate(costs, EIGHT, 0.0)
    if fits(s.eight, limits):
        return s.eight, eight
    tables = s.eight.weights - eight.weight_bytes  # biases and multipliers, whatever the widths
    weights = None if limits.weights is None else limits.weights - tables
    peak = None if limits.arena is None or s.eight.arena <= limits.arena else int(eight.peak_bytes * limits.arena / max(1, s.eight.arena))
    instructions = limits.instructions
    first = Budget(weights, peak, limits.bitops, instructions)
    for _ in range(TRIES):
        progress("choosing widths")
        budget = Budget(weights, peak, limits.bitops, instructions)
        solved = solve(costs, s.sensitivity, offered.weights, offered.activations, budget)
        if solved is None:
            break
        made = make(choose(s.prepared, solved[0], s.seed, progress=progress))
        if fits(made, limits):
            return made, candidate(costs, *solved)
        if limits.weights is not None and weights is not None and made.weights > limits.weights:
            weights -= made.weights - limits.weights
        if limits.arena is not None and made.arena > limits.arena:
            peak = int((peak or eight.peak_bytes) * limits.arena / made.arena * TIGHTER)
        if limits.instructions is not None and made.instructions is not None and made.instructions > limits.instructions:
            more = costs.instructions(solved[0]) - costs.instructions(EIGHT)
            dearer = (made.instructions - costs.instructions(EIGHT)) / more if more > 0 else 1.0
            if costs.speed is not None and dearer > 1:  # than the kernels' estimates say
                costs = replace(costs, speed=costs.speed.dearer(dearer))
            else:
                instructions = (instructions or 0) - (made.instructions - limits.instructions)
    narrowest = "4-bit weights, which is what a .tflite file holds" if s.plain else "the widths there are kernels for"
    raise DoesNotFit(
        s.prepared.graph.name, f"no choice among {narrowest} fits {said(limits)}{_nearest(s, costs, offered, first, tables)}",
        "raise a budget, or write a .tml file" if s.plain else "raise a budget", stage="quantize",
    )  # fmt: skip


def _nearest(s: Search, costs: Costs, offered: Offers, budget: Budget, tables: int) -> str:
    """What the widths would take that exceed the budgets least, as the programme counts."""
    solved = solve(costs, s.sensitivity, offered.weights, offered.activations, budget, nearest=True)
    if solved is None:
        return ""
    c, eight = candidate(costs, *solved), costs.peak_bytes(EIGHT)
    arena = None if budget.peak_bytes is None else s.eight.arena * c.peak_bytes // max(1, eight)
    found = Limits(
        arena, None if budget.weight_bytes is None else c.weight_bytes + tables, None if budget.bitops is None else c.bitops,
        None if budget.instructions is None else round(costs.instructions(solved[0])),
    )  # fmt: skip
    return f" (the nearest takes about {said(found)})"


def said(limits: Limits) -> str:
    parts = [
        ("an arena of {:,} B", limits.arena),
        ("{:,} B of weights", limits.weights),
        ("{:,} bit operations", limits.bitops),
        ("{:,} instructions", limits.instructions),
    ]
    return ", ".join(text.format(n) for text, n in parts if n is not None)

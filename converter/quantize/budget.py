"""The most accurate network within budgets: the integer programme's choice, made, planned, and tightened until it really fits.

The programme counts activations layer by layer, the planner does better; so the real arena of the int8 network says how the two
compare, and what turns out too large is tried again with a smaller allowance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyml.errors import DoesNotFit
from tinyml.quantize.costs import costs_of
from tinyml.quantize.network import Network
from tinyml.quantize.offers import Candidate, candidate, front, offers
from tinyml.quantize.quantise import EIGHT, Prepared, Recipe, choose
from tinyml.quantize.search import Budget, solve
from tinyml.quantize.sensitivity import Sensitivity, measure

TRIES = 6
TIGHTER = 0.98  # beyond what was missed


@dataclass(frozen=True)
class Limits:
    """What there is, in bytes as planned and in bit operations; None for any amount."""

    arena: int | None = None
    weights: int | None = None
    bitops: int | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """A network as it will be written, and what the planner says of it."""

    recipe: Recipe
    network: Network
    content: bytes
    arena: int
    weights: int
    bitops: int


Make = Callable[[Recipe], Made]  # assembles, writes and plans


@dataclass(frozen=True, eq=False)
class Search:
    """Everything that was measured of a network's widths."""

    prepared: Prepared
    eight: Made
    sensitivity: Sensitivity
    plain: bool
    seed: int

    def front(self, most: int) -> list[Candidate]:
        return front(costs_of(self.prepared), self.sensitivity, offers(self.prepared, self.plain), most)


def fits(m: Made, limits: Limits) -> bool:
    pairs = ((m.arena, limits.arena), (m.weights, limits.weights), (m.bitops, limits.bitops))
    return all(most is None or used <= most for used, most in pairs)


def explore(p: Prepared, eight: Made, plain: bool, seed: int, progress: Callable[[str], None]) -> Search:
    """Measures how much every tensor suffers from every width on offer."""
    offered = offers(p, plain)
    return Search(p, eight, measure(p, offered.weights, offered.activations, seed, progress), plain, seed)


def best_within(s: Search, limits: Limits, make: Make, progress: Callable[[str], None]) -> tuple[Made, Candidate]:
    """Raises DoesNotFit where no widths on offer do."""
    costs, offered = costs_of(s.prepared), offers(s.prepared, s.plain)
    eight = candidate(costs, EIGHT, 0.0)
    if fits(s.eight, limits):
        return s.eight, eight
    tables = s.eight.weights - eight.weight_bytes  # biases and multipliers, whatever the widths
    weights = None if limits.weights is None else limits.weights - tables
    peak = None if limits.arena is None or s.eight.arena <= limits.arena else int(eight.peak_bytes * limits.arena / max(1, s.eight.arena))
    for _ in range(TRIES):
        progress("choosing widths")
        solved = solve(costs, s.sensitivity, offered.weights, offered.activations, Budget(weights, peak, limits.bitops))
        if solved is None:
            break
        made = make(choose(s.prepared, solved[0], s.seed, progress=progress))
        if fits(made, limits):
            return made, candidate(costs, *solved)
        if limits.weights is not None and weights is not None and made.weights > limits.weights:
            weights -= made.weights - limits.weights
        if limits.arena is not None and made.arena > limits.arena:
            peak = int((peak or eight.peak_bytes) * limits.arena / made.arena * TIGHTER)
    narrowest = "4-bit weights, which is what a .tflite file holds" if s.plain else "the widths there are kernels for"
    raise DoesNotFit(
        s.prepared.graph.name, f"no choice among {narrowest} fits {_said(limits)}", "raise a budget, or write a .tml file", stage="quantize"
    )


def _said(limits: Limits) -> str:
    parts = [("an arena of {:,} B", limits.arena), ("{:,} B of weights", limits.weights), ("{:,} bit operations", limits.bitops)]
    return ", ".join(text.format(n) for text, n in parts if n is not None)

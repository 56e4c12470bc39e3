"""The cheapest network whose output error is tolerated, within budgets: the programme's choice, made, measured, and chosen anew with
less allowed until it really keeps both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tinyml.errors import DoesNotFit
from tinyml.quantize.budget import Limits, Made, fits, said
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.costs import Costs, costs_of
from tinyml.quantize.kinds import FLOAT, PRICE, SAME, Kinds, cheapest_kinds
from tinyml.quantize.network import Network
from tinyml.quantize.offers import Offers, offers
from tinyml.quantize.quantise import EIGHT, Prepared, Recipe, Widths, quantise
from tinyml.quantize.relief import Losses, losses, with_narrow
from tinyml.quantize.score import score
from tinyml.quantize.search import Budget
from tinyml.quantize.speed import kinds_speed, speed_of

TRIES = 6
TIGHTER = 0.9  # beyond what was missed
LOOSER = 1.1  # than the least predicted error, where that is more than is tolerated: what is made often has less than predicted


@dataclass(frozen=True, eq=False)
class Relief:
    """A network that may be relieved. plain: as a .tflite file; isa: of the board whose instructions matter, None where they do not."""

    network: Network
    data: Calibration
    eight: Made
    seed: int
    float_io: bool
    plain: bool
    isa: frozenset[str] | None
    make: Callable[[Recipe], Made]
    progress: Callable[[str], None]

    @property
    def prepared(self) -> Prepared:
        return self.eight.recipe.prepared

    def made(self, kinds: Kinds) -> Made:
        p = self.prepared
        refused = kinds.float32 | frozenset(n.index for n in p.graph.nodes if n.index not in p.quantised)
        # by every tensor of a group: beside an island it may have another leader
        narrow = {t: kinds.activations[g] for t, g in p.tied.items() if g in kinds.activations}
        widths = Widths(kinds.weights, narrow, kinds.wide)
        return self.make(quantise(self.network, self.data, widths, self.seed, self.float_io, progress=self.progress, refused=refused)[0])

    def costs(self, offered: Offers) -> Costs:
        if self.isa is None:
            return costs_of(self.prepared)
        self.progress("estimating instructions")
        found = speed_of(self.eight.recipe, offered, self.isa)
        found = replace(found, kinds=kinds_speed(self.eight.recipe, self.isa, PRICE[FLOAT]))
        return costs_of(self.prepared, found.scaled((self.eight.instructions or found.base) / max(1.0, found.base)))


@dataclass
class _Options:
    """What there is to choose from: widths below 8 only from when they are needed, since it takes time to measure them."""

    relief: Relief
    costs: Costs
    lost: Losses
    narrow: bool = False

    def add_narrow(self) -> None:
        r, self.narrow = self.relief, True
        offered = offers(r.prepared, r.plain)
        self.costs = r.costs(offered)
        self.lost = with_narrow(self.lost, r.prepared, offered, r.seed, r.progress)

    def best(self, tolerance: float | None, budget: Budget) -> Kinds | None:
        """Narrow values only relieve budgets: the cheapest without any needs none."""
        found = cheapest_kinds(self.costs, self.lost, tolerance, budget, self.relief.float_io)
        if not self.narrow and budget != Budget():
            free = cheapest_kinds(self.costs, self.lost, tolerance, Budget(), self.relief.float_io)
            if found is None or (free is not None and found.price > free.price * SAME):
                self.add_narrow()
                return self.best(tolerance, budget)
        return found


def relieved(r: Relief, limits: Limits, tolerance: float) -> Made:
    """The int8 network where its output error is tolerated and it fits, else the cheapest one that does. Raises DoesNotFit."""
    eight, p = r.eight, r.prepared
    if fits(eight, limits) and score(eight.recipe, r.data)[1].error <= tolerance:
        return eight
    r.progress("measuring operators")
    options = _Options(r, r.costs(Offers((), {})), losses(p, r.seed, r.progress))
    tables = eight.weights - options.costs.weight_bytes(EIGHT)
    peak = options.costs.peak_bytes(EIGHT)
    budget = Budget(
        None if limits.weights is None else limits.weights - tables,
        None if limits.arena is None else max(limits.arena, int(peak * limits.arena / max(1, eight.arena))),
        limits.bitops, limits.instructions,
    )  # fmt: skip
    allowed, nearest, failed = tolerance, None, None  # failed: the predicted error of one that fits and has more than is tolerated
    for _ in range(TRIES):
        r.progress("choosing kinds and widths")
        kinds = options.best(allowed, budget)
        if kinds is None:
            least = options.best(None, budget)
            if least is None or (failed is not None and LOOSER * least.error >= failed):
                break
            allowed = LOOSER * least.error
            kinds = options.best(allowed, budget) or least
        made = r.made(kinds)
        error = score(made.recipe, r.data)[1].error
        if fits(made, limits):
            if error <= tolerance:
                return made
            nearest, failed = error if nearest is None else min(nearest, error), kinds.error
        if error > tolerance:
            allowed *= TIGHTER * tolerance / error
        budget = _tighter(budget, made, limits)
    closest = f"; the nearest that was made comes to {100 * nearest:.2g} %" if nearest is not None else ""
    room = said(limits)
    raise DoesNotFit(
        p.graph.name, f"no choice of kinds and widths keeps the output error within {100 * tolerance:g} %{' in ' + room if room else ''}{closest}",
        "tolerate more, raise a budget, or add --float-io", stage="quantize",
    )  # fmt: skip


def _tighter(budget: Budget, made: Made, limits: Limits) -> Budget:
    """With less of what was exceeded."""
    weights, peak, bitops, instructions = budget.weight_bytes, budget.peak_bytes, budget.bitops, budget.instructions
    if weights is not None and limits.weights is not None and made.weights > limits.weights:
        weights -= made.weights - limits.weights
    if peak is not None and limits.arena is not None and made.arena > limits.arena:
        peak = int(peak * TIGHTER * limits.arena / made.arena)
    if bitops is not None and limits.bitops is not None and made.bitops > limits.bitops:
        bitops -= made.bitops - limits.bitops
    if instructions is not None and limits.instructions is not None and (made.instructions or 0) > limits.instructions:
        instructions -= (made.instructions or 0) - limits.instructions
    return Budget(weights, peak, bitops, instructions)

"""Which operators go in patches, and which of QuantMCU's settings is best: chosen by simulating what each makes of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tinyml.errors import UsageError
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.network import Network
from tinyml.quantize.patch_widths import Choice, PatchRecipe, choose_inputs, choose_patches
from tinyml.quantize.patches import unroll
from tinyml.quantize.quantmcu import Settings

LAMBDAS = np.linspace(0.02, 0.98, 49)
SPREADS = (1.25, 9.0)  # some patches of outliers, or none
MOST = 6  # choices that are simulated
Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """A choice, its bit operations as a share of the 8-bit network's in the same patches, and the mean squared error of output
    0 that it adds, over the output's variance. by_input: the same with the classes of patches chosen input by input, and the mean
    bit operations of that, or None where no patch would be of outliers."""

    choice: Choice
    share: float
    error: float
    by_input: tuple[float, float] | None


def patch_ends(network: Network, rows: int, columns: int) -> tuple[int, ...]:
    """Numbers of operators from the first on that can go in patches and are worth it: behind each, the tensor is smaller than the
    largest one before it."""
    graph, found, largest = network.graph, [], 0
    for end in range(1, len(graph.nodes)):
        out = graph.tensors[graph.nodes[end - 1].outputs[0]]
        largest = max(largest, out.bytes)
        try:
            unroll(network, end, rows, columns)
        except UsageError:
            continue
        if out.bytes < largest:
            found.append(end)
    return tuple(found)


def eight_bit_operations(p: PatchRecipe) -> int:
    """Of the same patches with 8 bits everywhere, weights too."""
    weights = {k: 8 for k in p.recipe.weights}
    return p.bit_operations(p.grids({}, frozenset(range(p.patched.patches))), weights)


def distinct(p: PatchRecipe, sigmas: float, limit_bytes: int | None) -> Iterator[Choice]:
    """What the settings come to, each choice once."""
    known = set()
    for spread in SPREADS:
        for weight in LAMBDAS:
            c = choose_patches(p, Settings(float(weight), sigmas, spread, limit_bytes))
            key = c.eight, tuple(sorted(c.widths.items()))
            if key not in known:
                known.add(key)
                yield c


def best_choice(
    p: PatchRecipe, data: Calibration, wanted: float | None, sigmas: float = 2.0, limit_bytes: int | None = None,
    progress: Progress = lambda text: None,
) -> Judged:  # fmt: skip
    """The choice of least error whose bit operations are at most `wanted` of the 8-bit network's; None: of least error times bit
    operations. Raises UsageError where none is."""
    total = eight_bit_operations(p)
    shares = [(p.bit_operations(p.grids(c.low, c.eight)) / total, c) for c in distinct(p, sigmas, limit_bytes)]
    fitting = sorted((s for s in shares if wanted is None or s[0] <= wanted), key=lambda s: -s[0])
    if not fitting:
        least = min(shares, key=lambda s: s[0])[0]
        raise UsageError("--bitops", f"with these patches, {100 * least:.0f} % is the least", "allow more, or fewer bits for the weights")
    # those that spend most lose least: of a long list, the first ones
    tried = fitting[:MOST]
    every = frozenset(range(p.patched.patches))
    exact = p.simulate(data.inputs, p.grids({}, every))
    scale = max(float(exact.var()), 1e-12)
    judged = []
    for k, (share, c) in enumerate(tried):
        progress(f"widths of patches ({k + 1} of {len(tried)})")
        error = float(np.square(p.simulate(data.inputs, p.grids(c.low, c.eight)) - exact).mean()) / scale
        judged.append(Judged(c, share, error, None))
    best = min(judged, key=lambda j: j.error if wanted is not None else (j.error + 1e-4) * j.share)
    progress("classes of patches by input")
    return Judged(best.choice, best.share, best.error, _by_input(p, data, best.choice, exact, scale, total))


def _by_input(p: PatchRecipe, data: Calibration, c: Choice, exact: np.ndarray, scale: float, total: int) -> tuple[float, float] | None:
    """(share of bit operations, error) with the same setting but classes input by input."""
    dynamic, eight = choose_inputs(p, c.settings)
    eight = eight[: len(data)]
    if not eight.any() or not dynamic.widths:
        return None
    error = float(np.square(p.simulate_each(data.inputs, dynamic.low, eight) - exact).mean()) / scale
    every = frozenset(range(p.patched.patches))
    wide = p.bit_operations(p.grids(dynamic.low, every))
    saved = [wide - p.bit_operations(p.grids(dynamic.low, every - {k})) for k in range(p.patched.patches)]
    return (wide - float((1 - eight.mean(0)) @ np.array(saved))) / total, error

"""int8 with and without cross-layer equalisation: whichever is closer to the float network on the calibration samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.quantize.calibration import Calibration
from tinyml.quantize.equalise import equalise
from tinyml.quantize.network import Network
from tinyml.quantize.quantise import Recipe, quantise
from tinyml.quantize.score import score

WORTH = 0.8  # of the error without: less of a gain is chance


@dataclass(frozen=True)
class Equalised:
    """pairs: of layers whose common channels can be scaled to a gain. without, with_: output errors of the int8 network, None where
    there is no pair and nothing to choose."""

    pairs: int
    without: float | None = None
    with_: float | None = None

    @property
    def kept(self) -> bool:
        return self.without is not None and self.with_ is not None and self.with_ < WORTH * self.without

    def line(self) -> str:
        if self.without is None or self.with_ is None:
            return "cross-layer equalisation: no pairs of layers that it would help"
        errors = f"output error {100 * self.with_:.3g} % with it, {100 * self.without:.3g} % without"
        return f"cross-layer equalisation of {self.pairs} pairs: {errors}: {'kept' if self.kept else 'left out'}"

    def to_json(self) -> dict[str, Any]:
        return {("with" if k == "with_" else k): v for k, v in asdict(self).items()} | {"kept": self.kept}


def quantise_either(
    network: Network, data: Calibration, seed: int = 0, float_io: bool = False, progress: Callable[[str], None] = lambda text: None
) -> tuple[Recipe, Equalised]:
    """The better int8 network; both are made with the same seed. Widths are then searched for in this one alone."""
    plain, _ = quantise(network, data, seed=seed, float_io=float_io, progress=progress)
    p = plain.prepared
    progress("equalising layers")
    scaled, pairs = equalise(p.network, p.quantised, data)
    if not pairs:
        return plain, Equalised(0)
    islands = frozenset(n.index for n in p.graph.nodes if n.index not in p.quantised)
    other, _ = quantise(scaled, data, seed=seed, float_io=float_io, progress=lambda text: progress(f"equalised: {text}"), refused=islands)
    found = Equalised(pairs, score(plain, data)[1].error, score(other, data)[1].error)
    return (other if found.kept else plain), found

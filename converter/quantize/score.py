"""How good a quantised network is, on samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinyml.quantize.batch import evaluate
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.quantise import Recipe, top1


@dataclass(frozen=True)
class Score:
    """error: mean squared difference of output 0 from the float network's, over its variance. correct: None without labels."""

    samples: int
    error: float
    correct: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(recipe: Recipe, data: Calibration) -> tuple[Score, Score]:
    """The float network's and the quantised network's, as simulated."""
    exact = evaluate(recipe.prepared.graph, data.inputs)[0]
    return of(exact, exact, data), of(recipe.simulate(data.inputs), exact, data)


def of(outputs: np.ndarray, exact: np.ndarray, data: Calibration) -> Score:
    error = float(np.square(outputs - exact).mean() / max(float(exact.var()), 1e-12))
    return Score(len(data), error, None if data.labels is None else top1(outputs, data.labels))

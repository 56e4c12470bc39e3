"""Integer programmes with sparse rows, solved exactly by HiGHS through scipy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tinyml.errors import UsageError

UNITS = 1000  # that the largest figures are scaled to, so that the solver's tolerances keep their meaning


@dataclass
class Programme:
    """Variables are numbered in the order in which they are made, so that the same programme has the same solution. Rows are
    (coefficients by variable, least, most)."""

    at: dict[Hashable, int] = field(default_factory=dict)
    rows: list[tuple[Mapping[int, float], float, float]] = field(default_factory=list)
    _integral: list[bool] = field(default_factory=list)
    _least: list[float] = field(default_factory=list)
    _most: list[float] = field(default_factory=list)

    def variable(self, key: Hashable, least: float = 0.0, most: float = 1.0, integral: bool = True) -> int:
        self.at[key] = len(self.at)
        self._integral.append(integral)
        self._least.append(least)
        self._most.append(most)
        return self.at[key]

    def row(self, coefficients: Mapping[int, float], least: float = -np.inf, most: float = np.inf) -> None:
        self.rows.append((coefficients, least, most))

    def within(self, coefficients: Mapping[int, float], most: float, of: float, over: int | None = None) -> None:
        """At most `most`, of a budget of `of`. over: a variable that counts by which share that may be exceeded."""
        of = max(1.0, of)
        unit = max(1.0, of / UNITS)
        scaled = {at: value / unit for at, value in coefficients.items()}
        self.row({**scaled, over: -of / unit} if over is not None else scaled, most=most / unit)

    def solve(self, goal: Mapping[int, float]) -> np.ndarray | None:
        """The value of every variable where the goal is least; None where the rows contradict each other."""
        try:
            from scipy.optimize import Bounds, LinearConstraint, milp
            from scipy.sparse import lil_matrix
        except ImportError:
            raise UsageError("scipy", "is not installed, and the search for widths needs it", "run: pip install 'tinyml[search]'") from None
        count = len(self.at)
        matrix = lil_matrix((len(self.rows), count))
        for k, (coefficients, _, _) in enumerate(self.rows):
            for at, value in coefficients.items():
                matrix[k, at] = value
        limits = LinearConstraint(matrix.tocsr(), [r[1] for r in self.rows], [r[2] for r in self.rows])
        costs = np.array([goal.get(at, 0.0) for at in range(count)])
        bounds = Bounds(np.array(self._least), np.array(self._most))
        integral = np.array(self._integral, float)
        return milp(costs, constraints=limits, integrality=integral, bounds=bounds, options={"mip_rel_gap": 0.0}).x

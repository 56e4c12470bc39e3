"""Outputs against the witness, element by element."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Float sums are taken in another order by other compilers and libraries; int8 results have no such freedom.
FLOAT_TOLERANCE = 1e-5


@dataclass
class Comparison:
    """Counts over all samples and tensors. `first` is the first mismatch in the order compared."""

    samples: int = 0
    elements: int = 0
    mismatches: int = 0
    max_abs_diff: float = 0.0
    first: dict[str, Any] | None = None
    agree: int = 0  # samples whose largest output is at the same index
    correct: int | None = None  # samples whose largest output is at the label
    correct_witness: int | None = None
    tensors: set[int] = field(default_factory=set)

    def add(self, sample: int, what: dict[str, Any], ours: np.ndarray, theirs: np.ndarray, exact: bool) -> None:
        """exact: any difference is a mismatch; else more than FLOAT_TOLERANCE relative to the larger of 1 and |value|."""
        self.elements += ours.size
        theirs = theirs.reshape(ours.shape)
        if exact and np.array_equal(ours, theirs):
            return
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        diff = np.abs(a - b)
        bad = (ours != theirs) if exact else ~(diff <= FLOAT_TOLERANCE * np.maximum(1.0, np.abs(b)))
        finite = diff[np.isfinite(diff)]
        self.max_abs_diff = max(self.max_abs_diff, float(finite.max(initial=0.0)))
        count = int(bad.sum())
        self.mismatches += count
        if count and self.first is None:
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            self.first = {"sample": sample, **what, "index": where, "got": a[where].item(), "expected": b[where].item()}

    def add_labels(self, ours: Iterable[int], theirs: Iterable[int], labels: np.ndarray | None) -> None:
        ours_, theirs_ = np.array(list(ours)), np.array(list(theirs))
        self.agree = int((ours_ == theirs_).sum())
        if labels is not None:
            self.correct = int((ours_ == labels).sum())
            self.correct_witness = int((theirs_ == labels).sum())

    def to_json(self, on: str) -> dict[str, Any]:
        out: dict[str, Any] = {
            "on": on, "samples": self.samples, "elements": self.elements, "mismatches": self.mismatches,
            "first_mismatch": self.first, "max_abs_diff": self.max_abs_diff, "tensors": len(self.tensors),
            "top1_agree": self.agree,
        }  # fmt: skip
        if self.correct is not None:
            out["top1"] = {"correct": self.correct, "witness_correct": self.correct_witness, "samples": self.samples}
        return out

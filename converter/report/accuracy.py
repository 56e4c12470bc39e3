"""Accuracy of models of one task, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.ir import DType, Graph


@dataclass(frozen=True)
class Accuracy:
    """arena, weights: bytes of RAM and flash that the model's plan takes on the host."""

    model: str
    kind: str
    samples: int
    correct: int
    seconds: float
    arena: int
    weights: int

    @property
    def top1(self) -> float:
        """Per cent."""
        return 100.0 * self.correct / self.samples

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "top1": round(self.top1, 3), "seconds": round(self.seconds, 2)}


def kind_of(graph: Graph) -> str:
    """float32, int8, or mixed: what the network computes with."""
    kinds = {t.dtype for t in graph.tensors.values() if t.dtype in (DType.FLOAT32, DType.INT8, DType.INT16, DType.INT4, DType.INT2)}
    return kinds.pop().value if len(kinds) == 1 else "mixed"


def accuracy_lines(rows: Sequence[Accuracy]) -> list[str]:
    width = max(len("model"), *(len(r.model) for r in rows))
    lines = [f"{'model':{width}}  {'kind':8}{'top-1':>8}{'correct':>16}{'weights':>12}{'arena':>10}{'seconds':>9}"]
    for r in rows:
        correct = f"{r.correct:,} of {r.samples:,}"
        lines.append(f"{r.model:{width}}  {r.kind:8}{r.top1:>6.2f} %{correct:>16}{r.weights:>12,}{r.arena:>10,}{r.seconds:>9.1f}")
    return lines

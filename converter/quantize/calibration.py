"""Calibration data: samples of what the network will see, and the answers that are right for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.errors import UsageError
from tinyml.ir import DType, Graph
from tinyml.samples import load_samples


@dataclass(frozen=True, eq=False)
class Calibration:
    """inputs: one float32 array [N,*shape] per network input. labels: int64 [N], or None where they are not needed."""

    inputs: tuple[np.ndarray, ...]
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, which: np.ndarray) -> Calibration:
        return Calibration(tuple(x[which] for x in self.inputs), None if self.labels is None else self.labels[which])


def load_calibration(path: Path, graph: Graph, labelled: bool) -> Calibration:
    """The samples of an .npz file for a network with float32 inputs. labelled: labels must be there and be classes of output 0.

    Raises UsageError for a file that cannot be read, is empty, has another shape, holds NaN or infinite values, or misses labels."""
    if any(graph.tensors[t].dtype is not DType.FLOAT32 for t in graph.inputs):
        raise UsageError(graph.name, "has an input that is not float32", "give the network as it was before it was quantised")
    samples = load_samples(path, graph)
    inputs = tuple(np.stack(column).astype(np.float32) for column in zip(*samples.inputs, strict=True))
    labels = samples.labels
    if labelled:
        classes = graph.tensors[graph.outputs[0]].elements
        if labels is None:
            raise UsageError(str(path), "has no array `labels`", "add one class per sample, or pass --metric error")
        if labels.dtype.kind not in "iu":
            raise UsageError(str(path), f"has {labels.dtype} labels", "save classes as integers")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise UsageError(str(path), f"has labels {labels.min()}..{labels.max()} for {classes} outputs", "count classes from 0")
        labels = labels.astype(np.int64)
    return Calibration(inputs, labels if labelled else None)

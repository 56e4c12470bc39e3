"""The intermediate representation: immutable tensors, nodes and graphs, and look-up. No behaviour lives here.

Shapes are NHWC for spatial tensors. A tensor's `id` is its index in the model file, so that any later stage can be
compared with the original tensor by tensor; tensors that a pass makes get ids above the file's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np


class DType(Enum):
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    BOOL = "bool"
    # Several values share a byte: docs/kernel-contract.md, "Packed types". In numpy one int8 holds one value.
    INT4 = "int4"
    INT2 = "int2"

    @property
    def bits(self) -> int:
        return {"int4": 4, "int2": 2}.get(self.value) or 8 * self.numpy.itemsize

    @property
    def packed(self) -> bool:
        return self.value in ("int4", "int2")

    @property
    def numpy(self) -> np.dtype:
        return np.dtype("int8" if self.packed else self.value)

    @property
    def bytes(self) -> int:
        """Of a storage unit: an element, or the byte that several packed ones share."""
        return self.numpy.itemsize


@dataclass(frozen=True)
class Quant:
    """real = scale[c] * (q - zero_point[c]); one entry, or one per index of dimension `axis`.

    Scales are float32 values held exactly in Python floats.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return len(self.scale) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    id: int
    name: str
    shape: tuple[int, ...]
    dtype: DType
    quant: Quant | None = None
    data: np.ndarray | None = field(default=None, repr=False)  # constants only; read-only array of `shape`

    @property
    def elements(self) -> int:
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def stored(self) -> tuple[int, int, int]:
        """[H,W,C] in storage units, of dtype.bytes each: a pixel of packed channels begins at a whole byte."""
        h, w, c = hwc(self.shape)
        return h, w, -(-c * self.dtype.bits // 8) if self.dtype.packed else c

    @property
    def units(self) -> tuple[int, ...]:
        """The shape in storage units."""
        return (*self.shape[:-1], self.stored[2]) if self.dtype.packed else self.shape

    @property
    def bytes(self) -> int:
        h, w, c = self.stored
        return h * w * c * self.dtype.bytes

    @property
    def is_const(self) -> bool:
        return self.data is not None

    @property
    def scale(self) -> float:
        """The single scale of a per-tensor quantised tensor."""
        assert self.quant is not None and len(self.quant.scale) == 1
        return self.quant.scale[0]

    @property
    def zero_point(self) -> int:
        assert self.quant is not None and len(self.quant.zero_point) == 1
        return self.quant.zero_point[0]


@dataclass(frozen=True)
class Node:
    """One operator. `inputs` holds tensor ids, None where an optional operand is absent. `index` is the operator's
    position in the model file (of the first one, where a pass merged several)."""

    op: str
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    attrs: Any
    index: int


@dataclass(frozen=True, eq=False)
class Graph:
    name: str
    tensors: dict[int, Tensor]  # never mutated; use `with_`
    nodes: tuple[Node, ...]  # in a valid execution order
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    # What the model file itself calls its inputs and outputs, where a pass moved a conversion out to the edge: the
    # caller hands over model_inputs[k] (float32) and the network works on inputs[k] (int8). Empty: no difference.
    model_inputs: tuple[int, ...] = ()
    model_outputs: tuple[int, ...] = ()

    def io_input(self, k: int) -> Tensor:
        """The k-th input as the model file has it."""
        return self.tensors[(self.model_inputs or self.inputs)[k]]

    def io_output(self, k: int) -> Tensor:
        return self.tensors[(self.model_outputs or self.outputs)[k]]

    @cached_property
    def producer(self) -> dict[int, int]:
        """tensor id -> position in `nodes` of the node that writes it."""
        return {t: k for k, n in enumerate(self.nodes) for t in n.outputs}

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """tensor id -> positions of the nodes that read it, ascending, each once."""
        out: dict[int, list[int]] = {}
        for k, n in enumerate(self.nodes):
            for t in n.inputs:
                if t is not None and k not in out.setdefault(t, []):
                    out[t].append(k)
        return {t: tuple(v) for t, v in out.items()}

    def view(self, node: Node) -> NodeView:
        return NodeView(
            node,
            tuple(None if t is None else self.tensors[t] for t in node.inputs),
            tuple(self.tensors[t] for t in node.outputs),
        )

    def with_(self, **changes: Any) -> Graph:
        return replace(self, **changes)

    def fresh_id(self) -> int:
        return max(self.tensors, default=-1) + 1


@dataclass(frozen=True, eq=False)
class NodeView:
    """A node with its tensors resolved: what every OpSpec function is given."""

    node: Node
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def attrs(self) -> Any:
        return self.node.attrs

    @property
    def x(self) -> Tensor:
        """First input."""
        assert self.inputs[0] is not None
        return self.inputs[0]

    @property
    def y(self) -> Tensor:
        """First output."""
        return self.outputs[0]

    def input(self, k: int) -> Tensor | None:
        return self.inputs[k] if k < len(self.inputs) else None

    @property
    def is_float(self) -> bool:
        return self.y.dtype is DType.FLOAT32


def hwc(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape of any rank as [H,W,C]: batch and outer dimensions are folded into H."""
    c = shape[-1] if shape else 1
    w = shape[-2] if len(shape) >= 2 else 1
    h = 1
    for d in shape[:-2]:
        h *= d
    return h, w, c

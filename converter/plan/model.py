"""The plan's data: where tensors lie, what runs when. Frozen, JSON-friendly, without behaviour beyond look-up."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir import Graph
from tinyml.opspec import Geom, KernelCall


@dataclass(frozen=True)
class Layout:
    """A tensor's place in a buffer: byte offset of its first element, extents and strides."""

    buffer: int
    offset_bytes: int
    geom: Geom


@dataclass(frozen=True)
class ArenaBuffer:
    """One contiguous piece of the arena, alive during steps first..last inclusive. `what` names its contents."""

    id: int
    size_bytes: int
    align: int
    first: int
    last: int
    what: str


@dataclass(frozen=True, eq=False)
class Step:
    """One unit of execution: `node` is the position in graph.nodes; `calls` run in order. `scratch` is a buffer id."""

    node: int
    calls: tuple[KernelCall, ...]
    scratch: int | None = None


@dataclass(frozen=True, eq=False)
class Schedule:
    """What runs, in which order, on which buffers; offsets are not yet known."""

    steps: tuple[Step, ...]
    layouts: dict[int, Layout]  # by tensor id
    buffers: tuple[ArenaBuffer, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """A placed and checked schedule."""

    graph: Graph
    schedule: Schedule
    offsets: dict[int, int]  # by buffer id, bytes from the start of the arena
    arena_bytes: int
    lower_bound_bytes: int
    optimal: bool  # placement height is proven minimal for this schedule

    def address(self, tensor: int) -> int:
        """Byte offset of a tensor's first element in the arena."""
        at = self.schedule.layouts[tensor]
        return self.offsets[at.buffer] + at.offset_bytes

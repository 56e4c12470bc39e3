"""The plan's data: where tensors lie, what runs when. Frozen, JSON-friendly, without behaviour beyond look-up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tinyml.ir import Graph
from tinyml.opspec import Geom, KernelCall


@dataclass(frozen=True)
class Target:
    """What kernels are chosen for: features of the core, what to favour, how much scratch, and what not to use (see opspec.Lowering)."""

    isa: frozenset[str] = frozenset()
    optimize: str = "balanced"
    scratch_bytes: int | None = None
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Layout:
    """A tensor's place in a buffer: byte offset of its first element, extents and strides.
    ring = n: only n rows exist at a time, row y in slot y % n; 0: all of them."""

    buffer: int
    offset_bytes: int
    geom: Geom
    ring: int = 0


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
    """One operator as a whole: `node` is the position in graph.nodes; `calls` run in order. `scratch` is a buffer id."""

    node: int
    calls: tuple[KernelCall, ...]
    scratch: int | None = None

    @property
    def nodes(self) -> tuple[int, ...]:
        return (self.node,)


@dataclass(frozen=True)
class Operand:
    """Which rows of an arena tensor the calls of one event get. mode "row": the row of the event's number; "whole": all;
    "chain": what the windows of a chain add up to; "tile": see Grid; "window": the rows y*stride - pad ... + size - 1 for event y that exist."""

    tensor: int
    mode: str
    stride: int = 1
    pad: int = 0
    size: int = 1


@dataclass(frozen=True)
class Link:
    """An operator inside a chain: its result exists only as a window of rows x columns pixels, offset_bytes into a buffer."""

    node: int
    rows: int
    columns: int
    buffer: int | None = None
    offset_bytes: int = 0


@dataclass(frozen=True, eq=False)
class RowStep:
    """One operator of a stage, or (node -1) the caller who pushes the network's input.

    There are `events` of them, numbered from 0; `calls` are those of one event: an output row, or an input row where
    `accumulator` (a buffer id) collects them. links: operators that run with it, `pixels` of its output at a time; then
    calls[k] is that of links[k], the last one its own."""

    node: int
    events: int
    calls: tuple[KernelCall, ...]
    operands: tuple[Operand, ...]
    accumulator: int | None = None
    links: tuple[Link, ...] = ()
    pixels: int = 0

    @property
    def nodes(self) -> tuple[int, ...]:
        return (*(k.node for k in self.links), self.node)


@dataclass(frozen=True)
class Grid:
    """How a stage is cut into tiles, which run one after the other, row by row of the grid.

    rows[i][p], columns[j][p]: the rows (columns) lo..hi-1 of its output that the stage's p-th operator computes in tile
    (i, j). mode "patches": each call computes that rectangle; "strips": one row of it, the next one each time.
    local: tensors of which only the tile's rectangle exists, its first pixel where the layout begins."""

    mode: str
    rows: tuple[tuple[tuple[int, int], ...], ...]
    columns: tuple[tuple[tuple[int, int], ...], ...]
    local: tuple[int, ...]

    @property
    def tiles(self) -> int:
        return len(self.rows) * len(self.columns)


@dataclass(frozen=True, eq=False)
class Stage:
    """Consecutive operators that run together, row by row: event n of the stage is the next event of rows[order[n]].
    `scratch` is a buffer id, shared by all calls. grid: the stage runs tile by tile, each time in that order; operands have
    mode "tile" then, and `events` of a RowStep counts those of all tiles."""

    rows: tuple[RowStep, ...]
    order: tuple[int, ...]
    scratch: int | None = None
    state: int | None = None  # buffer id: where the stage stands between two pushed rows
    grid: Grid | None = None

    @property
    def nodes(self) -> tuple[int, ...]:
        return tuple(sorted(n for r in self.rows for n in r.nodes if n >= 0))

    @property
    def pushed(self) -> int | None:
        """The tensor whose rows the caller pushes."""
        return self.rows[0].operands[0].tensor if self.rows[0].node < 0 else None

    @property
    def calls(self) -> tuple[KernelCall, ...]:
        return tuple(c for r in self.rows for c in r.calls)


@dataclass(frozen=True)
class Gap:
    """Buffers that may overlap although both are alive: `high` starts at least distance_bytes above the start of `low`."""

    low: int
    high: int
    distance_bytes: int


@dataclass(frozen=True, eq=False)
class Schedule:
    """What runs, in which order, on which buffers; offsets are not yet known."""

    steps: tuple[Step | Stage, ...]
    layouts: dict[int, Layout]  # by tensor id
    buffers: tuple[ArenaBuffer, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def pushed(self) -> int | None:
        """The network's input, where it is pushed row by row and never exists as a whole."""
        first = self.steps[0] if self.steps else None
        return first.pushed if isinstance(first, Stage) else None

    def stages(self) -> Iterator[tuple[int, Stage]]:
        """The fused stages with their step numbers."""
        return ((k, s) for k, s in enumerate(self.steps) if isinstance(s, Stage))


POINTER_BYTES = 8  # of the address of a further arena, on whatever machine


@dataclass(frozen=True)
class Arena:
    """One contiguous piece of RAM that the inference needs. bank: of the board that it lies in; "": the main RAM."""

    bank: str
    size_bytes: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A placed and checked schedule. Its buffers lie in one arena, or in one per memory bank in use: then arena 0 begins with
    the addresses of the further ones (header_bytes)."""

    graph: Graph
    schedule: Schedule
    offsets: dict[int, int]  # by buffer id, bytes from the start of its arena
    arena_bytes: int  # of arena 0
    lower_bound_bytes: int
    optimal: bool  # the arenas' sizes are proven minimal for this schedule
    bank: str = ""  # of arena 0
    further: tuple[Arena, ...] = ()
    arena_of: dict[int, int] = field(default_factory=dict)  # by buffer id; arena 0 where a buffer is not named

    @property
    def arenas(self) -> tuple[Arena, ...]:
        return (Arena(self.bank, self.arena_bytes), *self.further)

    @property
    def total_bytes(self) -> int:
        """Of all arenas."""
        return sum(a.size_bytes for a in self.arenas)

    @property
    def header_bytes(self) -> int:
        return POINTER_BYTES * len(self.further)

    def buffer_place(self, buffer: int) -> tuple[int, int]:
        """The number of a buffer's arena, and its byte offset there."""
        return self.arena_of.get(buffer, 0), self.offsets[buffer]

    def place(self, tensor: int) -> tuple[int, int]:
        """The number of a tensor's arena, and the byte offset of its first element there."""
        at = self.schedule.layouts[tensor]
        arena, offset = self.buffer_place(at.buffer)
        return arena, offset + at.offset_bytes

    def stacked(self, buffer: int) -> int:
        """Offset of a buffer as if the arenas lay one behind another: for pictures and sums."""
        return sum(a.size_bytes for a in self.arenas[: self.arena_of.get(buffer, 0)]) + self.offsets[buffer]

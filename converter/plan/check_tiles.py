"""The proof for stages in tiles: every call of every tile is replayed on the arena's tags.

The schedule says which rectangle of its output an operator computes in a tile. What that reads is worked out here from the
access patterns, where it lies from the layouts; the generated code works from the same figures. Nothing is shared with the
modules that cut the stage into tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import Tensor, hwc
from tinyml.opspec import Access, Broadcast, Elementwise, Geom, Ref, Window, load_ops
from tinyml.plan.check_arena import SCRATCH, Arena, refuse
from tinyml.plan.model import Operand, RowStep, Stage


@dataclass(frozen=True)
class _Rect:
    """Rows y0..y1-1 and columns x0..x1-1."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def empty(self) -> bool:
        return self.y0 >= self.y1 or self.x0 >= self.x1

    def holds(self, other: _Rect) -> bool:
        return self.y0 <= other.y0 and other.y1 <= self.y1 and self.x0 <= other.x0 and other.x1 <= self.x1


def replay_tiles(arena: Arena, stage: Stage, where: str) -> list[int]:
    """Replays the stage; returns the tensors it touched. Raises InternalError as `check` does."""
    graph, grid = arena.plan.graph, stage.grid
    assert grid is not None
    nodes = [r.node for r in stage.rows]
    if not nodes or nodes != list(range(nodes[0], nodes[0] + len(nodes))) or nodes[0] < 0 or stage.state is not None:
        refuse(where, "its stage does not run consecutive operators")
    if grid.mode not in ("patches", "strips") or any(len(each) != len(nodes) for each in (*grid.rows, *grid.columns)):
        refuse(where, f"its grid of {grid.mode} does not say what each of {len(nodes)} operators computes")
    made = {graph.nodes[k].outputs[0] for k in nodes}
    for t in grid.local:
        if t not in made or t in graph.outputs or any(k not in nodes for k in graph.consumers.get(t, ())):
            refuse(where, f"tensor {t} is read outside its tiles")
    scratch = arena.scratch(stage, where)
    for t in made:
        arena.expected[t] = arena.fresh(t)
    ops = [_Op(arena, r, p, stage, scratch, where) for p, r in enumerate(stage.rows)]
    for rows in grid.rows:
        for columns in grid.columns:
            for op in ops:
                op.enter(rows[op.position], columns[op.position])
            for p in stage.order:
                if not 0 <= p < len(ops):
                    refuse(where, f"its order names operator {p} of {len(ops)}")
                ops[p].event({op.out: op.tile for op in ops})
    for op in ops:
        if op.calls != op.row.events:
            refuse(op.where, f"runs {op.calls} times instead of {op.row.events}")
    touched = list(dict.fromkeys(t for op in ops for t in (op.out, *(o.tensor for o in op.row.operands))))
    for t in touched:
        if t in graph.outputs or graph.consumers.get(t, (-1,))[-1] > nodes[-1]:
            arena.verify(t, where)
    return touched


class _Op:
    """One operator of the stage during its replay. tile: the rectangle of its output that the present tile computes."""

    def __init__(self, arena: Arena, row: RowStep, position: int, stage: Stage, scratch: np.ndarray, where: str):
        assert stage.grid is not None
        self.arena, self.row, self.position, self.scratch = arena, row, position, scratch
        self.strips, self.local = stage.grid.mode == "strips", set(stage.grid.local)
        node = arena.plan.graph.nodes[row.node]
        spec, self.view = load_ops()[node.op], arena.plan.graph.view(node)
        self.where = f"operator {node.index} {node.op} in the tiles of {where}"
        self.out, self.calls, self.done = self.view.y.id, 0, 0
        self.height, self.width, _ = hwc(self.view.y.shape)
        self.live = [(t, a) for t, a in zip(self.view.inputs, spec.access(self.view), strict=True) if t is not None and not t.is_const]
        if {o for o in row.operands} != {Operand(t.id, "tile") for t in (self.view.y, *(t for t, _ in self.live))} or len(row.calls) != 1:
            refuse(self.where, "its operands are not those of the operator, or it is not one call")
        described = row.calls[0].geometries()
        if described is None:
            refuse(self.where, f"it is not known what the geometries of {row.calls[0].func} describe")
        self.room = {
            a.tensor: g for (name, a) in described if isinstance(a, Ref) and isinstance(g := dict(row.calls[0].params)[name], Geom)
        }
        if set(self.room) != {o.tensor for o in row.operands}:
            refuse(self.where, "a call is given a tensor that is none of its operator's")
        self.tile = _Rect(0, 0, 0, 0)

    def enter(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        self.tile, self.done = _Rect(*rows, *columns), 0
        if self.tile.empty or not _Rect(0, self.height, 0, self.width).holds(self.tile) or (self.strips and rows[0] != 0):
            refuse(self.where, f"rows {rows} and columns {columns} are none of its output's")

    def event(self, tiles: dict[int, _Rect]) -> None:
        """One call, and what of each inner tensor the present tile has."""
        rect = self.tile
        if self.strips:
            rect = _Rect(self.done, self.done + 1, rect.x0, rect.x1)
        if self.done >= (self.tile.y1 if self.strips else 1):
            refuse(self.where, "runs more often than it has rows in a tile")
        self.done, self.calls = self.done + 1, self.calls + 1
        self.scratch[:] = SCRATCH
        reads = [(t, a, self._read(t, a, rect)) for t, a in self.live]
        for t, _, r in reads:
            if r.empty:
                refuse(self.where, f"a rectangle reads nothing of tensor {t.id}")
            self._fits(t, r)
            self._verify(t, r, tiles)
        self._fits(self.view.y, rect)
        for y in range(rect.y0, rect.y1):  # rows in ascending order, as tm/window.h promises
            row = _Rect(y, y + 1, rect.x0, rect.x1)
            windows = [(t, r) for t, a in self.live if isinstance(a, Window) and not (r := self._read(t, a, row)).empty]
            for t, r in windows:
                self._verify(t, r, tiles)
            _Place(self, self.view.y, row, tiles).write(self._expected(self.view.y, row))
            for t, r in windows:  # the kernel may still read for its last pixel after it wrote the first one
                self._verify(t, r, tiles)
        for t, a, r in reads:
            if not isinstance(a, Window) and not (isinstance(a, Elementwise) and self._in_place(t, r, tiles)):
                self._verify(t, r, tiles)
        if not (self.scratch == SCRATCH).all():
            refuse(self.where, "its output overlaps the scratch")
        if not (_Place(self, self.view.y, rect, tiles).read() == self._expected(self.view.y, rect)).all():
            refuse(self.where, "two elements of its output have the same place")

    def _read(self, t: Tensor, a: Access, want: _Rect) -> _Rect:
        h, w, _ = hwc(t.shape)
        if isinstance(a, Window) and len(self.live) == 1:
            first = want.y0 * a.stride[0] - a.pad[0], want.x0 * a.stride[1] - a.pad[1]
            last = (want.y1 - 1) * a.stride[0] - a.pad[0] + a.size[0], (want.x1 - 1) * a.stride[1] - a.pad[1] + a.size[1]
            read = _Rect(max(first[0], 0), min(last[0], h), max(first[1], 0), min(last[1], w))
        elif isinstance(a, Elementwise) and (h, w) == (self.height, self.width):
            read = want
        elif isinstance(a, Broadcast) and t.id not in self.local and h in (1, self.height) and w in (1, self.width):
            rows = (0, 1) if h == 1 else (want.y0, want.y1)
            read = _Rect(*rows, *((0, 1) if w == 1 else (want.x0, want.x1)))
        else:
            refuse(self.where, f"can not compute a rectangle from tensor {t.id}")
        return read

    def _fits(self, t: Tensor, rect: _Rect) -> None:
        """The kernel was chosen, and its scratch sized, for rectangles at least this large."""
        g = self.room[t.id]
        if g.h < rect.y1 - rect.y0 or g.w < rect.x1 - rect.x0:
            refuse(self.where, f"{rect} of tensor {t.id} is larger than the {g.h} x {g.w} pixels that its call was made for")

    def _expected(self, t: Tensor, r: _Rect) -> np.ndarray:
        wanted = self.arena.wanted(t.id, self.where)
        return wanted[r.y0 : r.y1, r.x0 : r.x1, :, None]

    def _verify(self, t: Tensor, r: _Rect, tiles: dict[int, _Rect]) -> None:
        expected = self._expected(t, r)  # first: a tensor nothing has written is the better message
        if not (_Place(self, t, r, tiles).read() == expected).all():
            refuse(self.where, f"{r} of tensor {t.id} is no longer in the arena when it is read")

    def _in_place(self, t: Tensor, r: _Rect, tiles: dict[int, _Rect]) -> bool:
        """Each element of the output lies exactly where the operand's lay."""
        a, b = _Place(self, t, r, tiles), _Place(self, self.view.y, r, tiles)
        return a.first == b.first and a.strides == b.strides and a.slots == b.slots and t.stored == self.view.y.stored


class _Place:
    """Where a rectangle of a tensor lies: first byte of its first row's slot, strides in bytes, slots of its rows."""

    def __init__(self, op: _Op, t: Tensor, r: _Rect, tiles: dict[int, _Rect]):
        self.arena, self.rect, self.channels, self.size = op.arena, r, t.stored[2], t.dtype.bytes
        at = self.arena.layout(t.id)
        g = at.geom
        start, buffer = self.arena.buffer(at.buffer)
        here = _Rect(0, hwc(t.shape)[0], 0, hwc(t.shape)[1])
        if t.id in op.local:
            here = tiles[t.id]
        if not here.holds(r):
            refuse(op.where, f"{r} of tensor {t.id} is not among {here}, which the tile computes")
        rows = min(at.ring, g.h) if at.ring else g.h
        if g.c != self.channels or g.w < here.x1 - here.x0 or (not at.ring and g.h < here.y1 - here.y0):
            refuse(op.where, f"tensor {t.id} is laid out as {(g.h, g.w, g.c)}, too small for {here}")
        if (g.w > 1 and g.px_stride < g.c) or (rows > 1 and g.row_stride < (g.w - 1) * g.px_stride + g.c):
            refuse(op.where, f"row stride {g.row_stride} and pixel stride {g.px_stride} of tensor {t.id} make its elements overlap")
        end = at.offset_bytes + ((rows - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * self.size
        if at.offset_bytes < 0 or end > buffer.size_bytes or (start + at.offset_bytes) % self.size:
            refuse(op.where, f"tensor {t.id} is outside its buffer or misaligned")
        self.slots = [(y % at.ring if at.ring else y - here.y0) for y in range(r.y0, r.y1)]
        if len(set(self.slots)) != len(self.slots):
            refuse(op.where, f"{len(self.slots)} rows of tensor {t.id} do not fit a ring of {at.ring}")
        self.strides = g.row_stride * self.size, g.px_stride * self.size
        self.first = start + at.offset_bytes + (r.x0 - here.x0) * self.strides[1]

    def _window(self) -> np.ndarray:
        """[slots, columns, channels, bytes] of the tags."""
        shape = (max(self.slots) + 1, self.rect.x1 - self.rect.x0, self.channels, self.size)
        strides = tuple(s * self.arena.tags.itemsize for s in (*self.strides, self.size, 1))
        return np.lib.stride_tricks.as_strided(self.arena.tags[self.first :], shape, strides)

    def read(self) -> np.ndarray:
        return self._window()[self.slots]

    def write(self, tags: np.ndarray) -> None:
        self._window()[self.slots] = tags

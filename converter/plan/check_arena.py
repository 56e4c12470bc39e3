"""The checker's model of the arena: every byte holds a tag that says which element of which tensor wrote it last."""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np

from tinyml.errors import InternalError
from tinyml.plan.model import ArenaBuffer, Layout, Plan, Stage, Step

FREE = -1
SCRATCH = -2  # tag of working memory while a call runs: whatever else writes there is refused
ADDRESSES = -3  # tag of the further arenas' addresses, at the start of the first arena
POINTER = 8  # bytes that each of them takes at most: a host's


def refuse(place: str, what: str) -> NoReturn:
    raise InternalError(place, what, stage="check")


class Arena:
    def __init__(self, plan: Plan):
        self.plan = plan
        # one arena behind another: a place outside one's own arena is refused before it could be mistaken for one in the next
        sizes = [plan.arena_bytes, *(a.size_bytes for a in plan.further)]
        self.ends = np.cumsum(sizes).tolist()
        self.tags = np.full(self.ends[-1], FREE, np.int32)
        self.header = POINTER * len(plan.further)
        if len({plan.bank, *(a.bank for a in plan.further)}) != len(sizes) or self.header > sizes[0] or any(s % POINTER for s in sizes[:-1]):
            refuse("arenas", "two lie in one bank, or one is of no whole number of words, or has no room for the others' addresses")
        self.tags[: self.header] = ADDRESSES
        self.expected: dict[int, np.ndarray] = {}  # tensor id -> [h,w,c] tags its bytes must hold
        self.buffers = {b.id: b for b in plan.schedule.buffers}
        self.next_tag = 0

    def buffer(self, b: int) -> tuple[int, ArenaBuffer]:
        """(offset in the row of all arenas, buffer); refuses one that is not wholly inside its arena, or misaligned."""
        buffer, base = self.buffers.get(b), self.plan.offsets.get(b)
        if buffer is None or base is None:
            refuse(f"buffer {b}", "does not exist or has no offset")
        k = self.plan.arena_of.get(b, 0)
        if not 0 <= k < len(self.ends):
            refuse(f"buffer {b}", f"lies in arena {k}, which does not exist")
        start = self.ends[k - 1] if k else 0
        size, first = self.ends[k] - start, 0 if k else self.header
        if base < first or base % buffer.align or base + buffer.size_bytes > size:
            refuse(f"buffer {b}", f"{buffer.size_bytes} bytes at {base} are outside the arena of {size} or misaligned")
        return start + base, buffer

    def working(self, b: int | None, needed: int, what: str, where: str) -> np.ndarray:
        """The tags of a buffer of at least `needed` bytes; empty where none is needed and none is there."""
        if b is None:
            if needed:
                refuse(where, f"needs {needed} bytes of {what} and has none")
            return self.tags[:0]
        base, buffer = self.buffer(b)
        if buffer.size_bytes < needed:
            refuse(where, f"needs {needed} bytes of {what} and has {buffer.size_bytes}")
        return self.tags[base : base + buffer.size_bytes]

    def scratch(self, step: Step | Stage, where: str) -> np.ndarray:
        return self.working(step.scratch, max((c.scratch_bytes for c in step.calls), default=0), "scratch", where)

    def in_first(self, b: int | None, what: str) -> None:
        """Refuses a buffer that the generated code looks for in the first arena, and that lies in another."""
        if b is not None and self.plan.arena_of.get(b, 0):
            refuse(f"buffer {b}", f"holds {what}, and is not in the first arena")

    def verify_addresses(self) -> None:
        if not (self.tags[: self.header] == ADDRESSES).all():
            refuse("the end of the inference", "the addresses of the further arenas have been overwritten")

    def layout(self, t: int) -> Layout:
        at = self.plan.schedule.layouts.get(t)
        if at is None:
            refuse(f"tensor {t}", "has no place in the arena")
        return at

    def span(self, t: int) -> tuple[int, int]:
        """First byte of a tensor and the one behind its last, gaps between rows and pixels included."""
        at = self.layout(t)
        g, size = at.geom, self.plan.graph.tensors[t].dtype.bytes
        base = self.buffer(at.buffer)[0] + at.offset_bytes
        return base, base + ((self.slots(t) - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c) * size

    def slots(self, t: int) -> int:
        """Rows of a tensor that exist at a time."""
        at = self.layout(t)
        return min(at.ring, at.geom.h) if at.ring else at.geom.h

    def rows(self, t: int) -> np.ndarray:
        """[h,w,c,bytes] window onto the tags of a tensor's bytes, h the number of its slots; refuses places outside the
        tensor's buffer, and geometries that are not the tensor's or put two of its elements on one byte."""
        at, tensor = self.layout(t), self.plan.graph.tensors[t]
        g, size = at.geom, tensor.dtype.bytes
        if (g.h, g.w, g.c) != tensor.stored:
            refuse(f"tensor {t}", f"is laid out as {(g.h, g.w, g.c)}, its shape is {tensor.shape} of {tensor.dtype.value}")
        if (g.w > 1 and g.px_stride < g.c) or (g.h > 1 and g.row_stride < (g.w - 1) * g.px_stride + g.c):
            refuse(f"tensor {t}", f"row stride {g.row_stride} and pixel stride {g.px_stride} make its elements overlap")
        start, buffer = self.buffer(at.buffer)
        base, end = self.span(t)
        if base < start or end > start + buffer.size_bytes or base % size:
            refuse(f"tensor {t}", f"bytes {base}..{end} are outside its buffer or misaligned")
        strides = (g.row_stride * size, g.px_stride * size, size, 1)
        return np.lib.stride_tricks.as_strided(
            self.tags[base:], (self.slots(t), g.w, g.c, size), tuple(s * self.tags.itemsize for s in strides)
        )

    def fresh(self, t: int) -> np.ndarray:
        """New tags for a tensor about to be written: one per storage unit, never used before."""
        shape = self.plan.graph.tensors[t].stored
        first, self.next_tag = self.next_tag, self.next_tag + math.prod(shape)
        return np.arange(first, self.next_tag, dtype=np.int32).reshape(shape)

    def write(self, t: int) -> None:
        self.rows(t)[:] = self.expected[t][..., None]

    def wanted(self, t: int, what: str) -> np.ndarray:
        if t not in self.expected:
            refuse(what, f"reads tensor {t}, which no step before it writes")
        return self.expected[t]

    def verify(self, t: int, what: str, lo: int = 0, hi: int | None = None) -> None:
        wanted = self.wanted(t, what)[lo:hi]
        rows = self.rows(t)
        if self.layout(t).ring:
            rows = rows[np.arange(lo, lo + len(wanted)) % len(rows)]
        else:
            rows = rows[lo:hi]
        same = rows == wanted[..., None]
        if not same.all():
            row = lo + int(np.argwhere(~same.all((1, 2, 3)))[0][0])
            refuse(what, f"tensor {t}, row {row} is no longer in the arena when it is read")

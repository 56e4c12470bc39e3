"""Steps as data: the numbers of a kernel call as bytes, and one C function per kernel that decodes them (tm/steps.h).

A params struct and a function per step are some 140 bytes; most of their numbers are small, and most of those occur in other steps
too (emit/parts.py), so that some 20 remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd

import numpy as np

from tinyml.emit.parts import DENSE, compress, count, encoded
from tinyml.emit.tables import TableSet
from tinyml.emit.values import CTYPES, c_ints
from tinyml.opspec import Arg, Geom, KernelCall, Ref, Scratch, Table, Value
from tinyml.plan.model import Plan, Step

MOST_POINTERS = 8  # TM_STEP_POINTERS
TABLE_BITS = 3  # of a step's second byte, which has the number of its function above them
FURTHER = 31  # in place of that number: it stands in two bytes behind
MOST_BYTES = 250  # of a step, whose length is one byte
NEXT_TABLE = -1


@dataclass(frozen=True)
class Runner:
    """A function that makes one kind of kernel call: `words` 32-bit fields of its params struct come from the bytes, then `pointers`.
    others: (field, C expression) of the params' other fields, "" for one that is all zero; expression: the call."""

    name: str
    func: str
    struct: str
    words: int
    pointers: int
    others: tuple[tuple[str, str], ...]
    expression: str


@dataclass(frozen=True)
class Place:
    """Bytes from the start of an arena on."""

    arena: int
    offset: int


@dataclass(frozen=True)
class Record:
    """One step: its runner's name, the numbers of its params, and for each pointer the table's name or the place."""

    runner: str
    words: tuple[int | None, ...]
    pointers: tuple[str | Place, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(p for p in self.pointers if isinstance(p, str))


@dataclass(frozen=True)
class StepTable:
    """All steps as C (tm_steps): the functions that make them, lines of bytes for each step and of the parts that they share, and the
    tables in the order in which they use them."""

    functions: tuple[str, ...]
    code: tuple[tuple[str, ...], ...]
    parts: tuple[str, ...]
    tables: tuple[str, ...]
    unit: int
    arena_bits: int


@dataclass
class RunnerSet:
    """Runners so far."""

    unique: list[Runner] = field(default_factory=list)

    @property
    def zeroes(self) -> bool:
        """Whether any of them sets members to zero."""
        return any(not value for r in self.unique for _, value in r.others)

    def name(self, r: Runner) -> str:
        """Of the runner that does what `r`, whose own name is ignored, does."""
        kinds = [known for known in self.unique if known.func == r.func]
        for known in kinds:
            if (known.words, known.pointers, known.others, known.expression) == (r.words, r.pointers, r.others, r.expression):
                return known.name
        name = f"run_{r.func.removeprefix('tm_')}" + (f"_{len(kinds)}" if kinds else "")
        self.unique.append(Runner(name, r.func, r.struct, r.words, r.pointers, r.others, r.expression))
        return name


def emit_record(plan: Plan, step: Step, call: KernelCall, tables: TableSet, runners: RunnerSet) -> Record | None:
    """The step as data; None where its params have pointers in front of numbers, or inside a member, or where there are too many."""
    words, rest = _split(call.params)
    if words is None:
        return None
    pointers: list[str | Place] = []

    def at(p: str | Place, kind: str) -> str:
        pointers.append(p)
        return f"s->at[{len(pointers) - 1}].{kind}"

    def table(t: Table | None) -> str:
        name = "NULL" if t is None else tables.name(t)
        if t is None or name == "NULL":
            return "NULL"
        return f"(const {CTYPES[t.data.dtype.name]} *){at(name, 'table')}"

    def argument(a: Arg) -> str:
        if a is None or isinstance(a, Table):
            return table(a)
        if isinstance(a, Scratch):
            assert step.scratch is not None
            return at(Place(*plan.buffer_place(step.scratch)), "data")
        assert isinstance(a, Ref)
        dtype = plan.graph.tensors[a.tensor].dtype
        arena, offset = plan.place(a.tensor)
        return f"({CTYPES[dtype.value]} *){at(Place(arena, offset + a.offset * dtype.bytes), 'data')}"

    others = tuple((name, "" if t == ZEROS else table(t)) for name, t in rest)
    args = [argument(a) for a in call.args]
    expression = f"{call.func}(&p, {', '.join(args)})"
    many = len(pointers) > MOST_POINTERS or sum(isinstance(p, str) for p in pointers) >= 1 << TABLE_BITS
    if many or sum(len(encoded(w)) for w in words) + 5 * len(pointers) > MOST_BYTES:
        return None
    runner = Runner("", call.func, call.struct, count(words), len(pointers), others, expression)
    return Record(runners.name(runner), tuple(words), tuple(pointers))


def step_table(steps: Sequence[tuple[str, Record | None]], arenas: int) -> StepTable:
    """Of the function of each step, and of its data."""
    records = [record for _, record in steps]
    functions = tuple(dict.fromkeys(name for name, _ in steps))
    tables = tuple(t for r in records if r for t in r.tables)
    arena_bits = (arenas - 1).bit_length()
    unit = gcd(*(p.offset for r in records if r for p in r.pointers if isinstance(p, Place))) or 1

    def number(p: str | Place) -> int:
        return NEXT_TABLE if isinstance(p, str) else p.offset // unit << arena_bits | p.arena

    shared = compress([n for r in records for n in ((r.words, tuple(map(number, r.pointers))) if r else ((), ()))])
    code = []
    for k, (name, record) in enumerate(steps):
        f = functions.index(name)
        used = len(record.tables) if record else 0
        data = [min(f, FURTHER) << TABLE_BITS | used, *(f.to_bytes(2, "little") if f >= FURTHER else b"")]
        data += [*shared.sequences[2 * k], *shared.sequences[2 * k + 1]]
        code.append(tuple(c_ints([1 + len(data), *data])))
    return StepTable(functions, tuple(code), tuple(c_ints(list(shared.parts))), tables, unit, arena_bits)


ZEROS = ()  # for a member without any table or number that is not 0


def _split(params: Sequence[tuple[str, Value]]) -> tuple[list[int | None] | None, list[tuple[str, Table | tuple[()] | None]]]:
    """The numbers in front, and the pointers behind them."""
    words: list[int | None] = []
    rest: list[tuple[str, Table | tuple[()] | None]] = []
    for name, v in params:
        if isinstance(v, tuple) and None in v and not any(v):
            rest.append((name, ZEROS))
            continue
        if v is None or isinstance(v, Table):
            rest.append((name, v))
            continue
        more = _words(v)
        if rest or more is None:
            return None, []
        words += more
    return words, rest


def _words(v: Value) -> list[int | None] | None:
    """As 32-bit numbers; None where there is a pointer among them."""
    if isinstance(v, Geom):
        dense = v.row_stride == v.w * v.c and v.px_stride == v.c
        return [v.h, v.w, v.c, DENSE] if dense else [v.h, v.w, v.c, v.row_stride, v.px_stride, 0, 0]
    if isinstance(v, tuple):
        parts = [_words(e) for e in v]
        return None if any(p is None for p in parts) else [n for p in parts if p is not None for n in p]
    if v is None or isinstance(v, Table):
        return None
    return [int(np.float32(v).view(np.int32))] if isinstance(v, (float, np.floating)) else [int(v)]

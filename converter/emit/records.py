"""Steps as data: the numbers of a kernel call as bytes, and one C function per kernel that decodes them (tm/steps.h).

A params struct and a function per step are some 140 bytes; most of their numbers are small or zero, and as bytes they are some 40.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyml.emit.tables import TableSet
from tinyml.emit.values import CTYPES, c_arena, c_ints
from tinyml.opspec import Arg, Geom, KernelCall, Ref, Scratch, Table, Value
from tinyml.plan.model import Plan, Step


@dataclass(frozen=True)
class Runner:
    """A function that makes one kind of kernel call: `words` 32-bit fields of its params struct come from the bytes, then `numbers`
    more. others: (field, C expression) of the params' other fields, "" for one that is all zero; expression: the call."""

    name: str
    func: str
    struct: str
    words: int
    numbers: int
    others: tuple[tuple[str, str], ...]
    expression: str


@dataclass(frozen=True)
class Record:
    """One step: its runner's name, and its bytes."""

    runner: str
    code: bytes


@dataclass(frozen=True)
class StepTable:
    """All steps as C: the functions that make them, the bytes of each with its function's number in front, and where they begin."""

    functions: tuple[str, ...]
    code: tuple[tuple[str, ...], ...]  # lines, per step
    starts: tuple[str, ...]
    start_type: str


@dataclass
class RunnerSet:
    """Runners so far, and the names of the tables that the bytes refer to by number."""

    unique: list[Runner] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    @property
    def zeroes(self) -> bool:
        """Whether any of them sets members to zero."""
        return any(not value for r in self.unique for _, value in r.others)

    def table(self, name: str) -> int:
        if name not in self.tables:
            self.tables.append(name)
        return self.tables.index(name)

    def name(self, r: Runner) -> str:
        """Of the runner that does what `r`, whose own name is ignored, does."""
        kinds = [known for known in self.unique if known.func == r.func]
        for known in kinds:
            if (known.words, known.numbers, known.others, known.expression) == (r.words, r.numbers, r.others, r.expression):
                return known.name
        name = f"run_{r.func.removeprefix('tm_')}" + (f"_{len(kinds)}" if kinds else "")
        self.unique.append(Runner(name, r.func, r.struct, r.words, r.numbers, r.others, r.expression))
        return name


def emit_record(plan: Plan, step: Step, call: KernelCall, tables: TableSet, runners: RunnerSet) -> Record | None:
    """The step as data; None where its params have pointers in front of numbers, or inside a member."""
    words, rest = _split(call.params)
    if words is None:
        return None
    numbers: list[int] = []

    def number(n: int) -> str:
        numbers.append(n)
        return f"v[{len(numbers) - 1}]"

    def pointer(t: Table | None) -> str:
        name = "NULL" if t is None else tables.name(t)
        if t is None or name == "NULL":
            return "NULL"
        return f"(const {CTYPES[t.data.dtype.name]} *)tables[{number(runners.table(name))}]"

    def argument(a: Arg) -> str:
        if a is None or isinstance(a, Table):
            return pointer(a)
        if isinstance(a, Scratch):
            assert step.scratch is not None
            arena, offset = plan.buffer_place(step.scratch)
            return f"({c_arena(arena)} + {number(offset)})"
        assert isinstance(a, Ref)
        dtype = plan.graph.tensors[a.tensor].dtype
        arena, offset = plan.place(a.tensor)
        return f"({CTYPES[dtype.value]} *)(void *)({c_arena(arena)} + {number(offset + a.offset * dtype.bytes)})"

    others = tuple((name, "" if t == ZEROS else pointer(t)) for name, t in rest)
    args = [argument(a) for a in call.args]
    expression = f"{call.func}(&p, {', '.join(args)})"
    runner = Runner("", call.func, call.struct, count(words), len(numbers), others, expression)
    return Record(runners.name(runner), encoded([*words, *numbers]))


def step_table(steps: Sequence[tuple[str, bytes]]) -> StepTable:
    """Of the function and the bytes of each step."""
    functions = tuple(dict.fromkeys(name for name, _ in steps))
    code = [encoded([functions.index(name)]) + more for name, more in steps]
    starts = [sum(map(len, code[:k])) for k in range(len(code))]
    small = sum(map(len, code)) < 1 << 16
    return StepTable(functions, tuple(tuple(c_ints(list(c))) for c in code), tuple(c_ints(starts)), "uint16_t" if small else "uint32_t")


DENSE = None  # among numbers: the strides and the ring of a dense geometry, behind its w and c
DENSE_NUMBERS = 4


def count(numbers: Sequence[int | None]) -> int:
    return sum(DENSE_NUMBERS if n is DENSE else 1 for n in numbers)


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


def encoded(numbers: Sequence[int | None]) -> bytes:
    """Each of -2^31 .. 2^32-1 as tm_step_numbers reads it: the sign in the lowest bit, then seven bits a byte, lowest first, the top
    bit set in all but the last byte. DENSE is two bytes that no number has."""
    out = bytearray()
    for n in numbers:
        if n is DENSE:
            out += b"\x80\x00"
            continue
        signed = (n + (1 << 31)) % (1 << 32) - (1 << 31)
        rest = signed << 1 if signed >= 0 else ~signed << 1 | 1
        while rest > 127:
            out.append(rest & 127 | 128)
            rest >>= 7
        out.append(rest)
    return bytes(out)

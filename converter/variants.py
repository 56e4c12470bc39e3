"""Kernel variants: several kernels for one operator, each for its instruction set and shapes, and the choice among them.

Every file in `tinyml/ops/variants/` whose name has no leading underscore defines one ``VARIANT = Variant(...)``; nothing
else lists variants. An operator's `lower` offers its portable calls to :func:`cheapest`, which adds what applies.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

from tinyml.ir import DType, NodeView
from tinyml.opspec import KernelCall, Lowering, Table


@dataclass(frozen=True)
class Prices:
    """What a byte costs against an instruction of one inference."""

    flash: float  # per byte of weights and what belongs to them
    scratch: float  # per byte of scratch
    code: float  # per byte of code, and of look-up tables, which count as code
    packing: float  # what share of a network's weights smaller tables must save, that their constants are packed
    unpacking: float = math.inf  # what share of an operator's instructions unpacking in every call may take


LOWERED = 1024  # nodes with their geometries whose calls are remembered: some ten of each in the largest networks, or 20 MB

# 20 instructions a byte: a table twice as large must save 20 instructions per byte that it adds. Depthwise tables and
# packed pairs do by far, weights stored as 16-bit words do not. Code and look-up tables cost as much, and a
# kernel's code is weighed against what it saves in the whole network (plan/kernels.py). "ram": 300 instructions a byte of scratch
# save a kilobyte for a tenth of a small network; what turns out to have its place anyway costs nothing (plan/room.py).
# Constants are unpacked in every inference by code that is there for them alone: not for less than a twentieth of the weights, and not
# for an operator of so few pixels that it takes a 16th of the time: that one takes the same kernel, with constants as they are.
PRICES = {
    "balanced": Prices(20.0, 0.0, 20.0, 0.05, 0.06),
    "latency": Prices(0.0, 0.0, 0.0, 0.0),
    "flash": Prices(10_000.0, 0.0, 10_000.0, 0.0),
    "ram": Prices(20.0, 300.0, 20.0, 0.0),
}


@dataclass(frozen=True)
class Variant:
    """One kernel of runtime_c/src and what it takes to call it.

    name: the kernel's name without `tm_`, which is also its C file's. isa: features that the board must have.
    applies: whether this node (shape, zero point, clamp, scales) can use it, exactly. lower: the calls, with the weights
    packed as the kernel reads them and the exact scratch; it is given the portable calls, whose tables and params it may
    share. instructions: estimate for the whole layer, calibrated by benchmarks/speed.py. code_bytes: of the kernel's file as a
    firmware has it (-Os), for plan/kernels.py; 0 counts as an average kernel. parts: those of KernelCall.parts that
    it can do without for other nodes than those that need them, each with its bytes, which are not in code_bytes: lower() uses none that
    low.without names, where there is another way. detour: instructions more that the other way takes. goals: of those that PRICES names, the ones under which
    it is considered at all.
    """

    name: str
    op: str  # schema name of the operator
    isa: frozenset[str]
    applies: Callable[[NodeView, Lowering], bool]
    lower: Callable[[NodeView, Lowering, tuple[KernelCall, ...]], tuple[KernelCall, ...]]
    instructions: Callable[[NodeView], float]
    packed: bool = False  # for nodes with a tensor of less than 8 bits, and for no others
    wide: bool = False  # for nodes of int16 activations, and for no others
    goals: frozenset[str] = frozenset(PRICES)
    code_bytes: int = 0
    parts: tuple[tuple[str, int], ...] = ()
    detour: Callable[[NodeView, Lowering], float] = lambda n, low: 0.0
    # the calls with smaller tables, and what unpacking them takes, in instructions per call; None where this node has no such form
    smaller: Callable[[NodeView, Lowering, tuple[KernelCall, ...]], tuple[tuple[KernelCall, ...], float] | None] | None = None
    unpacks: str = ""  # the function that calls of `smaller` use, and that a network without them does without

    def forms(self, n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> Iterator[tuple[tuple[KernelCall, ...], float]]:
        """Calls of each form of the tables, and the instructions of one execution."""
        instructions = self.instructions(n) + self.detour(n, low)
        yield self.lower(n, low, portable), instructions
        other = None if self.smaller is None else self.smaller(n, low, portable)
        if other is not None:
            yield other[0], instructions + other[1]


@cache
def load_variants() -> dict[str, tuple[Variant, ...]]:
    """Every variant, by the operator's schema name, found by looking into the package `tinyml.ops.variants`."""
    import tinyml.ops.variants as package

    out: dict[str, tuple[Variant, ...]] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if not info.name.startswith("_"):
            v = importlib.import_module(f"tinyml.ops.variants.{info.name}").VARIANT
            assert v.name == info.name, f"{info.name}.py defines the variant {v.name}"
            out[v.op] = (*out.get(v.op, ()), v)
    return out


def tables_of(calls: tuple[KernelCall, ...], section: str) -> list[Table]:
    """A section's constant tables (opspec.Table) that the calls refer to."""

    def found(v: object) -> list[Table]:
        if isinstance(v, tuple):
            return [t for each in v for t in found(each)]
        return [v] if isinstance(v, Table) and v.section == section else []

    return [t for c in calls for v in (*(value for _, value in c.params), *c.args) for t in found(v)]


def table_bytes(calls: tuple[KernelCall, ...], section: str) -> int:
    """Their bytes."""
    return sum(t.data.nbytes for t in tables_of(calls, section))


def needs(calls: tuple[KernelCall, ...]) -> frozenset[str]:
    """Names of kernels, and of parts of kernels, that must be in the firmware for these calls."""
    return frozenset(k for c in calls for k in (c.func, *c.uses, *(part for part, needed in c.parts if needed)))


def cost(calls: tuple[KernelCall, ...], instructions: float, prices: Prices) -> float:
    scratch = max((c.scratch_bytes for c in calls), default=0)
    flash = prices.flash * table_bytes(calls, "weights") + prices.code * table_bytes(calls, "table")
    return instructions + flash + prices.scratch * scratch


def least(low: Lowering, *offers: tuple[tuple[KernelCall, ...], float]) -> tuple[KernelCall, ...]:
    """Of several ways to compute a node, each with its instructions, the calls that cost least under low.optimize; the first of equals."""
    prices = PRICES[low.optimize]
    calls, taken = min(offers, key=lambda o: cost(o[0], o[1] * low.repeats, prices))
    if low.estimated is not None:
        low.estimated(taken)
    return calls


@dataclass(frozen=True)
class _Asked:
    """key: all that lowering one node looks at. Tensors are told apart by identity, which the key keeps alive."""

    key: tuple[Hashable, ...]
    make: Callable[[], tuple[KernelCall, ...]] = field(compare=False)


@lru_cache(maxsize=LOWERED)
def _made(asked: _Asked) -> tuple[KernelCall, ...]:
    return asked.make()


def once(n: NodeView, low: Lowering, make: Callable[[], tuple[KernelCall, ...]]) -> tuple[KernelCall, ...]:
    """What make() returns, the calls of node `n`: worked out once for the same geometries. The search for a plan lowers each node
    dozens of times, and every time all its weights would be packed anew. Who is to be told of estimates asks for each anew."""
    if low.estimated is not None:
        return make()
    geoms = tuple(low.geoms.get(t.id) if t is not None else None for t in (*n.inputs, *n.outputs))
    key = (n.node.op, n.attrs, n.inputs, n.outputs, geoms, low.isa, low.optimize, low.repeats, low.scratch_bytes, low.without)
    return _made(_Asked(key, make))


def cheapest(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...], instructions: float) -> tuple[KernelCall, ...]:
    """The calls that cost least under low.optimize: `portable`, taking about `instructions`, or a variant's."""
    return once(n, low, lambda: _cheapest(n, low, portable, instructions))


def _cheapest(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...], instructions: float) -> tuple[KernelCall, ...]:
    prices = PRICES[low.optimize]

    def fits(calls: tuple[KernelCall, ...]) -> bool:
        return not needs(calls) & low.without and (low.scratch_bytes is None or max(c.scratch_bytes for c in calls) <= low.scratch_bytes)

    best, least, taken = portable, cost(portable, instructions * low.repeats, prices), instructions
    packed = any(t is not None and t.dtype.packed for t in (*n.inputs, *n.outputs))
    wide = n.y.dtype is DType.INT16
    for v in load_variants().get(n.node.op, ()):
        offered = v.packed is packed and v.wide is wide and low.optimize in v.goals and v.isa <= low.isa
        if offered and f"tm_{v.name}" not in low.without and v.applies(n, low):
            (plain, plainly), *smaller = v.forms(n, low, portable)
            for calls, estimate in ((plain, plainly), *smaller):
                if fits(calls) and (c := cost(calls, estimate * low.repeats, prices)) < least:
                    rare = v.unpacks and estimate > (1 + prices.unpacking) * plainly and fits(plain)
                    best, taken = (plain, plainly) if rare else (calls, estimate)
                    least = c
    if low.estimated is not None:
        low.estimated(taken)
    return best

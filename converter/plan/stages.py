"""Which consecutive operators run as one fused stage: cut points by dynamic programming over an estimate of the peak.

For every range of nodes the bytes it needs are counted: buffers that outlive it, rings, accumulators, scratch, less what its
output may share with a dying input. A chain of ranges that covers the network needs the largest of them. Searched are the
chains of least peak, and among those the one that costs least time: fused operators are called once per row.

Source of the idea: MCUNetV2 (Lin et al., NeurIPS 2021) for patches, msf-CNN (2025) for choosing cut points on a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tinyml.ir import Graph, hwc
from tinyml.opspec import Lowering, load_ops
from tinyml.plan.lower_rows import lower_node
from tinyml.plan.model import Layout, Target
from tinyml.plan.rows import RowNode, row_node
from tinyml.plan.schedule import ALIGN, last_reads, layer_stream, stage_stream
from tinyml.plan.storage import plan_storage
from tinyml.plan.stream import Stream

MAX_OPERATORS = 60  # of one stage
CALL = 90  # instructions that a call for one row costs beyond its share of the layer, about


@dataclass(frozen=True)
class Option:
    """Nodes first..end-1 as a stage, or as one layer-wise step where there is one of them and not `fused`."""

    first: int
    end: int
    fused: bool
    peak_bytes: int
    cost: int  # instructions more than layer-wise


@dataclass(frozen=True, eq=False)
class StageProblem:
    """What the search knows of a graph in the order of its nodes."""

    graph: Graph
    target: Target
    views: bool = True
    pushed: RowNode | None = None

    @cached_property
    def last_read(self) -> dict[int, int]:
        return last_reads(self.graph)

    @cached_property
    def rows(self) -> tuple[RowNode | None, ...]:
        return tuple(row_node(self.graph, k) for k in range(len(self.graph.nodes)))

    @cached_property
    def lives(self) -> dict[int, tuple[int, int]]:
        """Root tensor -> first and last node during which its buffer is alive."""
        g, storage = self.graph, plan_storage(self.graph, self.views, in_place=False)
        out: dict[int, tuple[int, int]] = {}
        for t, root in storage.roots.items():
            born = 0 if t in g.inputs else g.producer[t]
            died = max(born, min(self.last_read.get(t, born), len(g.nodes) - 1))
            lo, hi = out.get(root, (born, died))
            out[root] = min(lo, born), max(hi, died)
        if self.pushed is not None:
            del out[self.pushed.out]
        return out

    @cached_property
    def layouts(self) -> dict[int, Layout]:
        return plan_storage(self.graph, self.views, in_place=False).layouts

    @cached_property
    def whole_scratch(self) -> tuple[int, ...]:
        low, specs = Lowering({t: at.geom for t, at in self.layouts.items()}, self.target.isa, self.target.optimize), load_ops()
        calls = (specs[n.op].lower(self.graph.view(n), low) for n in self.graph.nodes)
        return tuple(max((c.scratch_bytes for c in each), default=0) for each in calls)

    @cached_property
    def row_scratch(self) -> tuple[tuple[int, int], ...]:
        """Scratch and accumulator bytes of each node when it runs row by row."""
        out = []
        for n in self.rows:
            calls = lower_node(self.graph, n, self.layouts, self.target).calls if n else ()
            out.append((max((c.scratch_bytes for c in calls), default=0), max((c.accumulator_bytes for c in calls), default=0)))
        return tuple(out)

    @cached_property
    def sizes(self) -> dict[int, int]:
        return {t: (b.bytes + ALIGN - 1) // ALIGN * ALIGN for t, b in self.graph.tensors.items()}

    def alive(self, lo: int, hi: int, but: Callable[[int], bool]) -> int:
        return sum(self.sizes[t] for t, (a, b) in self.lives.items() if a < hi and b >= lo and not but(t))

    def layer(self, k: int) -> Option | None:
        if k == 0 and self.pushed is not None:
            return None
        flow = layer_stream(self.graph, k, self.last_read)
        peak = self.alive(k, k + 1, lambda t: False) + self.whole_scratch[k] - (self._saved(flow) if flow else 0)
        return Option(k, k + 1, False, peak, 0)

    def stage(self, lo: int, hi: int) -> tuple[Option | None, int]:
        """The option, and the bytes that no shorter life of other buffers can save: rings and accumulators."""
        flow = stage_stream(self.graph, lo, hi, self.last_read, self.pushed)
        if flow is None:
            return None, 0
        rings = sum(self._ring(t, rows) for t, rows in flow.rings.items())
        own = rings + sum(self.row_scratch[k][1] for k in range(lo, hi)) + max(self.row_scratch[k][0] for k in range(lo, hi))
        inner = {*flow.rings, *flow.shares}
        peak = own + self.alive(lo, hi, inner.__contains__) - self._saved(flow)
        return Option(lo, hi, True, peak, CALL * len(flow.order)), own

    def _ring(self, t: int, rows: int) -> int:
        h, w, c = hwc(self.graph.tensors[t].shape)
        size = min(rows, h) * w * c * self.graph.tensors[t].dtype.bytes
        return (size + ALIGN - 1) // ALIGN * ALIGN

    def _saved(self, flow: Stream) -> int:
        """Most bytes that one output shares with one dying input."""
        best = 0
        for (a, b), gap in flow.gaps.items():
            if a in self.lives and b in self.lives:
                best = max(best, self.sizes[a] + self.sizes[b] - max(gap + self.sizes[a], self.sizes[b]))
        return best


def options(problem: StageProblem, bound: int, progress: Callable[[str], None] = lambda text: None) -> list[Option]:
    """Every layer alone and every stage whose own buffers stay below `bound` bytes."""
    n = len(problem.graph.nodes)
    out = [o for k in range(n) if (o := problem.layer(k))]
    for lo in range(n):
        progress(f"fusing operators ({lo} of {n})")
        for hi in range(lo + 1, min(n, lo + MAX_OPERATORS) + 1):
            if problem.rows[hi - 1] is None:
                break
            if hi - lo < 2 and (problem.pushed is None or lo > 0):
                continue
            option, own = problem.stage(lo, hi)
            if own > bound:
                break
            if option is not None and option.peak_bytes <= bound:
                out.append(option)
    return out


def chains(found: list[Option], n: int) -> Iterator[tuple[int, int, tuple[Option, ...]]]:
    """(peak, cost, options) of the cheapest chain for each peak worth having, from the smallest peak on."""
    last_cost: int | None = None
    for peak in sorted({o.peak_bytes for o in found}):
        chain = cheapest_chain(found, n, peak)
        if chain is None:
            continue
        cost = sum(o.cost for o in chain)
        if last_cost is None or cost < last_cost:
            last_cost = cost
            yield max(o.peak_bytes for o in chain), cost, chain
        if cost == 0:
            return


def cheapest_chain(found: list[Option], n: int, peak: int) -> tuple[Option, ...] | None:
    """Options that cover nodes 0..n-1 in order, each within `peak` bytes, at the least cost; fewest stages win ties."""
    best: list[tuple[int, int] | None] = [(0, 0)] + [None] * n
    via: list[Option | None] = [None] * (n + 1)
    for o in sorted(found, key=lambda o: (o.first, o.end, o.fused)):
        start = best[o.first]
        if o.peak_bytes > peak or start is None:
            continue
        reached = start[0] + o.cost, start[1] + o.fused
        if best[o.end] is None or reached < best[o.end]:  # type: ignore[operator]
            best[o.end], via[o.end] = reached, o
    if best[n] is None:
        return None
    out, k = [], n
    while k:
        o = via[k]
        assert o is not None
        out.append(o)
        k = o.first
    return tuple(reversed(out))

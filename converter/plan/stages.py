"""Which consecutive operators run as one fused stage: cut points by dynamic programming over an estimate of the peak.

For every range of nodes the bytes it needs are counted: buffers that outlive it, rings, accumulators, scratch, less what its
output may share with a dying input. A chain of ranges that covers the network needs the largest of them. Searched are the
chains of least peak, and among those the one that costs least time: fused operators are called once per row.

Source of the idea: MCUNetV2 (Lin et al., NeurIPS 2021) for patches, msf-CNN (2025) for choosing cut points on a graph.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tinyml.ir import Graph, hwc
from tinyml.opspec import Lowering, load_ops
from tinyml.plan.flows import Flows
from tinyml.plan.lower_rows import chain_windows, lower_node
from tinyml.plan.model import Layout, Target
from tinyml.plan.rows import MAX_LINKS, RowNode, chain, row_node, rows_needed
from tinyml.plan.schedule import ALIGN, Fusion, last_reads, layer_stream, stage_ends, windows_bytes
from tinyml.plan.storage import plan_storage

MAX_OPERATORS = 60  # of one stage
MAX_CHAINED = 18  # of a stage with chains
PIXELS = (8, 4, 2)  # of a block in a chain: enough to hide the calls, or few to keep the windows small
# Instructions that a call for one row, or for one block of a chain, costs beyond its share of the layer: set-up, and the pixels
# that fill no pair. Measured on an emulated Cortex-M7: 1,800 to 2,200 a row on kws, ic and vww, 1,100 a block on kws.
CALL, BLOCK = 1900, 1100


@dataclass(frozen=True)
class Option:
    """Nodes as a stage, or as one layer-wise step where there is one of them and not `fused`."""

    fusion: Fusion
    fused: bool
    peak_bytes: int
    cost: int  # instructions more than layer-wise
    rows_bytes: int = 0  # of the peak, what rings hold
    extra_macs: int = 0  # multiply-accumulates done twice

    @property
    def first(self) -> int:
        return self.fusion.first

    @property
    def end(self) -> int:
        return self.fusion.end


@dataclass(frozen=True, eq=False)
class StageProblem:
    """What the search knows of a graph in the order of its nodes."""

    graph: Graph
    target: Target
    views: bool = True
    pushed: RowNode | None = None
    flows: Flows = field(default_factory=Flows)

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
        wanted, specs = self.target, load_ops()
        geoms = {t: at.geom for t, at in self.layouts.items()}
        low = Lowering(geoms, wanted.isa, wanted.optimize, 1, wanted.scratch_bytes, wanted.without)
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
        peak = self.alive(k, k + 1, lambda t: False) + self.whole_scratch[k] - (self.saved(flow.gaps) if flow else 0)
        return Option(Fusion(k, k + 1), False, peak, 0)

    @cached_property
    def macs_per_row(self) -> tuple[int, ...]:
        g, specs = self.graph, load_ops()
        views = [g.view(n) for n in g.nodes]
        return tuple(specs[v.node.op].macs(v) // max(1, hwc(v.y.shape)[0]) for v in views)

    @cached_property
    def joints(self) -> dict[int, tuple[int, bool]]:
        """Node -> the one node behind it that it can be chained to, and whether nothing is computed twice then."""
        out = {}
        for n in self.rows:
            readers = self.graph.consumers.get(n.out, ()) if n else ()
            after = self.rows[readers[0]] if len(readers) == 1 else None
            if n and after and chain(self.graph, (n, after), 1):
                w = after.reads[0].window
                assert w is not None
                out[n.node] = after.node, w.size[0] == w.stride[0] == 1
        return out

    def chains(self, joined: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """Runs of nodes in which each of `joined` is chained to the one behind it, at most MAX_LINKS together."""
        out, done = [], set()
        for k in sorted(joined):
            if k in done:
                continue
            run = [k]
            while run[-1] in joined and len(run) < MAX_LINKS:
                run.append(self.joints[run[-1]][0])
            done.update(run)
            out.append(tuple(run))
        return tuple(out)

    @cached_property
    def _chained(self) -> dict[tuple[tuple[int, ...], int], tuple[RowNode, int, int, int] | None]:
        return {}

    def chained(self, group: tuple[int, ...], pixels: int) -> tuple[RowNode, int, int, int] | None:
        """The chain as a row node, the bytes of its windows, its extra multiply-accumulates and its cost."""
        key = group, pixels
        if key not in self._chained:
            self._chained[key] = self._chain(group, pixels)
        return self._chained[key]

    def _chain(self, group: tuple[int, ...], pixels: int) -> tuple[RowNode, int, int, int] | None:
        parts = [n for k in group if (n := self.rows[k])]
        node = chain(self.graph, parts, pixels)
        if node is None:
            return None
        needed = rows_needed(parts)
        extra = sum(
            self.macs_per_row[p.node] * (sum(b - a for a, b in needed[i + 1]) - p.events) for i, p in enumerate(parts[:-1])
        )
        width = hwc(self.graph.tensors[node.out].shape)[1]
        calls = node.events * len(group) * -(-width // node.pixels)
        return node, windows_bytes(self.graph, chain_windows(self.graph, node)), extra, BLOCK * calls + 3 * extra // 2

    def stage(self, lo: int, hi: int, joined: frozenset[int] = frozenset(), pixels: int = PIXELS[0]) -> tuple[Option | None, int]:
        """The option, and the bytes that no shorter life of other buffers can save: rings, windows and accumulators."""
        groups = self.chains(joined)
        done = [self.chained(g, pixels) for g in groups]
        hidden = {k for g in groups for k in g}
        chains_ = {c[0].node: c[0] for c in done if c}
        nodes = [chains_.get(k, n) for k, n in enumerate(self.rows[lo:hi], lo) if k in chains_ or k not in hidden]
        ends = None if None in done else stage_ends(self.graph, [n for n in nodes if n], lo, hi, self.last_read, self.pushed)
        if ends is None:
            return None, 0
        flow = self.flows.flow(self.graph, *ends)
        rings = sum(self._ring(t, rows) for t, rows in flow.rings.items())
        own = rings + sum(self.row_scratch[k][1] for k in range(lo, hi)) + max(self.row_scratch[k][0] for k in range(lo, hi))
        own += max((c[1] for c in done if c), default=0)
        peak = own + self.alive(lo, hi, flow.inner.__contains__) - self.saved(flow.gaps)
        cost = CALL * flow.events + sum(c[3] for c in done if c)
        return Option(Fusion(lo, hi, groups, pixels), True, peak, cost, rings, sum(c[2] for c in done if c)), own

    def _with(self, joined: frozenset[int], k: int) -> frozenset[int]:
        """With the joint of node k as well; what k reads is kept as rows then, or it would be computed anew for each of
        the rows that k is."""
        return frozenset(j for j in joined if self.joints[j][0] != k) | {k}

    def variants(self, lo: int, hi: int, bound: int) -> Iterator[Option]:
        """The stage with joints that cost nothing twice, and with more and more of the others, the best first."""
        here = {k: j for k, j in self.joints.items() if lo <= k and j[0] < hi}
        free = frozenset(k for k, (_, nothing_twice) in here.items() if nothing_twice)
        start, _ = self.stage(lo, hi, free)
        if start is None:
            return
        gains = []
        for k in sorted(here.keys() - free):
            one, _ = self.stage(lo, hi, self._with(free, k))
            if one is not None and one.peak_bytes < start.peak_bytes:
                gains.append(((start.peak_bytes - one.peak_bytes) / max(1, one.extra_macs - start.extra_macs), k))
        sets = [free]
        for _, k in sorted(gains, reverse=True):
            sets.append(self._with(sets[-1], k))
        for taken in sets:
            least = bound
            for pixels in PIXELS:
                more, _ = self.stage(lo, hi, taken, pixels)
                if more is not None and more.peak_bytes < least:
                    least = more.peak_bytes
                    yield more

    def _ring(self, t: int, rows: int) -> int:
        h, w, c = self.graph.tensors[t].stored
        size = min(rows, h) * w * c * self.graph.tensors[t].dtype.bytes
        return self.aligned(size)

    @staticmethod
    def aligned(size: int) -> int:
        return (size + ALIGN - 1) // ALIGN * ALIGN

    def saved(self, gaps: Mapping[tuple[int, int], int]) -> int:
        """Most bytes that one output shares with one dying input."""
        best = 0
        for (a, b), gap in gaps.items():
            if a in self.lives and b in self.lives:
                best = max(best, self.sizes[a] + self.sizes[b] - max(gap + self.sizes[a], self.sizes[b]))
        return best


# Told what the search is doing; a true answer ends it with what it has found so far.
Progress = Callable[[str], object]


def options(
    problem: StageProblem, bound: int, progress: Progress = lambda text: None
) -> tuple[list[Option], list[Option]]:
    """Every layer alone and every stage whose own buffers stay below `bound` bytes; and with chains, the stages that could
    then be part of something smaller than anything without."""
    n = len(problem.graph.nodes)
    out = [o for k in range(n) if (o := problem.layer(k))]
    for lo in range(n):
        if progress(f"fusing operators ({lo} of {n})") and lo:  # a pushed input needs a stage at node 0
            break
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
    least = next((peak for peak, _, _ in chains(out, n)), bound)
    more: list[Option] = []
    for k, o in enumerate(out):
        # chains make rings smaller, and nothing else
        if o.fused and o.peak_bytes > least // 2 and o.peak_bytes - o.rows_bytes < least and o.end - o.first <= MAX_CHAINED:
            if progress(f"chaining operators ({k} of {len(out)})"):
                break
            more += [v for v in problem.variants(o.first, o.end, least) if v.peak_bytes < o.peak_bytes]
    return out, more


def chains(found: list[Option], n: int, extra_macs: int = 0) -> Iterator[tuple[int, int, tuple[Option, ...]]]:
    """(peak, cost, options) of the cheapest chain of stages for each peak worth having, from the smallest peak on.
    extra_macs: how many multiply-accumulates may be done twice."""
    found = sorted(found, key=lambda o: (o.first, o.end, o.fused))
    peaks = sorted({o.peak_bytes for o in found})
    limit: int | None = None
    at = 0
    while at < len(peaks):
        # the cost falls as the peak rises: the first peak that allows less than the last one's cost
        at = bisect_left(peaks, True, at, key=lambda peak: _cost(cheapest_chain(found, n, peak, extra_macs), limit))
        best = cheapest_chain(found, n, peaks[at], extra_macs) if at < len(peaks) else None
        if best is None:
            return
        limit = sum(o.cost for o in best)
        yield max(o.peak_bytes for o in best), limit, best
        if limit == 0:
            return


def _cost(path: tuple[Option, ...] | None, limit: int | None) -> bool:
    """There is a chain, and it costs less than the limit."""
    return path is not None and (limit is None or sum(o.cost for o in path) < limit)


def cheapest_chain(found: list[Option], n: int, peak: int, extra_macs: int) -> tuple[Option, ...] | None:
    """Options, of `found` in the order of their nodes, that cover nodes 0..n-1, each within `peak` bytes and all within
    extra_macs, at the least cost; where that repeats too much, those that repeat least. Fewest stages win ties."""
    within = [o for o in found if o.peak_bytes <= peak]
    for key in (lambda o: o.cost, lambda o: o.extra_macs):
        path = _path(within, n, key)
        if path is None:
            return None
        if sum(o.extra_macs for o in path) <= extra_macs:
            return path
    return None


def _path(found: list[Option], n: int, key: Callable[[Option], int]) -> tuple[Option, ...] | None:
    best: list[tuple[int, int, int] | None] = [(0, 0, 0)] + [None] * n
    via: list[Option | None] = [None] * (n + 1)
    for o in found:
        start = best[o.first]
        if start is None:
            continue
        reached = start[0] + key(o), start[1] + o.cost, start[2] + o.fused
        known = best[o.end]
        if known is None or reached < known:
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

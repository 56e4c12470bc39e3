"""Stages in tiles as options of the search for stages, and those that a caller asks for.

Tiles compute their halo again and keep the stage's input and output whole, so they win where rows are wide and inner tensors
large against both; streams and chains serve most networks better. Only what could lower the smallest peak is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.errors import UsageError
from tinyml.ir import hwc
from tinyml.opspec import load_ops
from tinyml.plan.schedule import Fusion
from tinyml.plan.stages import CALL, Option, Progress, StageProblem, chains
from tinyml.plan.stream import Stream
from tinyml.plan.tiles import PATCHES, STRIPS, TileNode, Tiles, Tiling, by_rows, make_tiles, tile_node

STRIP_COUNTS = (2, 3, 4)
GRIDS = ((2, 1), (3, 1), (2, 2), (3, 2), (3, 3), (4, 4))
MAX_OPERATORS = 16  # of a stage that is looked at: the halo grows with each window


@dataclass(frozen=True)
class Patches:
    """What a caller asks for: the network's first operators in a grid of patches. through: the last of them, by its number in
    the model file; None: the planner's choice."""

    rows: int
    columns: int
    through: int | None = None

    def __str__(self) -> str:
        return f"--patches {self.rows}x{self.columns}" + ("" if self.through is None else f":{self.through}")


class TileSearch:
    """What of a problem's stages could be tiles."""

    def __init__(self, problem: StageProblem):
        self.problem = problem
        self._nodes: dict[int, TileNode | None] = {}

    def node(self, k: int) -> TileNode | None:
        if k not in self._nodes:
            self._nodes[k] = tile_node(self.problem.graph, k)
        return self._nodes[k]

    def nodes(self, lo: int, hi: int) -> list[TileNode] | None:
        """Nodes lo..hi-1, None where one of them can not be asked for a rectangle, or begins with rows that are pushed."""
        if lo == 0 and self.problem.pushed is not None:
            return None
        out = []
        for k in range(lo, hi):
            n = self.node(k)
            if n is None:
                return None
            out.append(n)
        return out

    def options(self, lo: int, hi: int, least: int) -> list[Option]:
        """Nodes lo..hi-1 in tiles, in every way whose peak is below `least`."""
        p = self.problem
        nodes = self.nodes(lo, hi) if hi - lo <= MAX_OPERATORS else None
        if nodes is None:
            return []
        outputs = [n.out for n in nodes if p.last_read.get(n.out, -1) >= hi]
        inner = {n.out for n in nodes} - set(outputs)
        if p.alive(lo, hi, inner.__contains__) >= least:
            return []  # input and output alone; tiles let them share little
        flow = by_rows(p.graph, [p.rows[n.node] for n in nodes], outputs)
        ways = [Tiling(STRIPS, 1, n) for n in STRIP_COUNTS] if flow else []
        found = (self.option(nodes, way, flow) for way in (*ways, *(Tiling(PATCHES, *grid) for grid in GRIDS)))
        return [o for o in found if o and o.peak_bytes < least]

    def option(self, nodes: Sequence[TileNode], tiling: Tiling, flow: Stream | None = None) -> Option | None:
        """The nodes in such tiles, its peak estimated as StageProblem does it."""
        p, lo, hi = self.problem, nodes[0].node, nodes[-1].node + 1
        outputs = [n.out for n in nodes if p.last_read.get(n.out, -1) >= hi]
        ids = dict.fromkeys(r.tensor for n in nodes for r in n.reads)
        dying = [t for t in ids if p.graph.producer.get(t, -1) < lo and p.last_read.get(t, -1) < hi]
        tiles = make_tiles(p.graph, nodes, tiling, outputs, dying, flow)
        if tiles is None:
            return None
        inner = set(tiles.inner)
        kept = _kept(p, tiles)
        peak = kept + max(p.row_scratch[k][0] for k in range(lo, hi)) + p.alive(lo, hi, inner.__contains__) - p.saved(tiles.gaps)
        extra, calls = self._work(tiles)
        return Option(Fusion(lo, hi, tiling=tiling), True, peak, CALL * calls + 3 * extra // 2, kept, extra)

    def _work(self, tiles: Tiles) -> tuple[int, int]:
        """Multiply-accumulates that are done again, and calls."""
        graph, specs = self.problem.graph, load_ops()
        extra = 0
        for p, n in enumerate(tiles.nodes):
            view = graph.view(graph.nodes[n.node])
            h, w, _ = hwc(view.y.shape)
            extra += specs[view.node.op].macs(view) * (tiles.pixels(p) - h * w) // (h * w)
        return max(0, extra), len(tiles.order) * len(tiles.rows) * len(tiles.columns)


def _kept(problem: StageProblem, tiles: Tiles) -> int:
    """Bytes of what operators hand to each other: rings, or the most that a patch needs at once."""
    graph = problem.graph

    def size(t: int) -> int:
        return problem.aligned(tiles.bytes(graph, t))

    if tiles.tiling.mode == STRIPS:
        return sum(size(t) for t in tiles.rings if t in tiles.local)
    lives, meetings = tiles.lives(), tiles.meetings(graph)
    most = 0
    for p in range(len(tiles.nodes)):
        alive = {t for t, (a, b) in lives.items() if a <= p <= b}
        shared = [size(a) + size(b) - max(gap + size(a), size(b)) for (b, a), gap in meetings.items() if {a, b} <= alive]
        most = max(most, sum(map(size, alive)) - max(shared, default=0))
    return most


def tile_options(
    problem: StageProblem, known: Sequence[Option], least: int, extra_macs: int, progress: Progress = lambda text: None
) -> list[Option]:
    """Stages in strips or patches whose estimated peak is below `least`, the smallest that is `known` without them: in place of
    streams whose peak is not, and whose rows are what makes it so. None where some node stays in nothing that is smaller."""
    search, out, tried = TileSearch(problem), [], set()
    stuck = set(range(len(problem.graph.nodes))).difference(*(range(o.first, o.end) for o in known if o.peak_bytes < least))
    for k in sorted(stuck):
        if any(o.first <= k < o.end for o in out):
            continue
        for o in known:
            key = o.first, o.end
            if o.fused and not o.fusion.chains and o.first <= k < o.end and key not in tried and o.peak_bytes - o.rows_bytes < least:
                if progress("cutting stages into tiles"):
                    return out
                tried.add(key)
                out += [t for t in search.options(*key, least) if t.extra_macs <= extra_macs]
        if not any(o.first <= k < o.end for o in out):
            return []
    return out


def with_patches(problem: StageProblem, known: Sequence[Option], wanted: Patches, extra_macs: int) -> tuple[list[Option], int]:
    """The options of the search where the first operators must go in patches: those stages, and what is `known` of the operators
    behind them; and the multiply-accumulates that may be done again. Where the caller does not say through which operator, it
    is the one that makes the peak smallest were the others to run layer by layer. Raises UsageError where that is not possible."""
    graph, search = problem.graph, TileSearch(problem)
    last = _last(problem, wanted)
    tiling = Tiling(PATCHES, wanted.rows, wanted.columns)
    nodes, firsts = [], []
    for k in range(len(graph.nodes) if last is None else last + 1):
        node = search.node(k)
        if node is None:
            if last is not None or k == 0:
                raise UsageError(
                    str(wanted), f"{_name(problem, k)} can not run in patches", "end the patches in front of it, or leave them out"
                )
            break
        nodes.append(node)
        if last in (None, k) and (o := search.option(nodes, tiling)):
            firsts.append(o)
    rest = [o for o in known if o.first > 0]
    if last is not None and firsts:
        return [*firsts, *rest], extra_macs + firsts[0].extra_macs  # what was asked for is not held against the limit
    layers = [o for o in rest if not o.fused]
    best = next(chains([*firsts, *layers], len(graph.nodes), extra_macs), None)
    if best is None:
        what = "no such grid fits the outputs of the first operators, or all of them compute too much twice"
        raise UsageError(str(wanted), what, "take fewer patches, or a larger --max-overhead")
    return [best[2][0], *rest], extra_macs


def _last(problem: StageProblem, wanted: Patches) -> int | None:
    """The position of the last operator in patches."""
    if wanted.through is None:
        return None
    at = [k for k, n in enumerate(problem.graph.nodes) if n.index == wanted.through]
    if not at:
        raise UsageError(str(wanted), f"the plan has no operator {wanted.through}", "take one that `tinyml plan` lists")
    return at[-1]


def _name(problem: StageProblem, k: int) -> str:
    node = problem.graph.nodes[k]
    return f"operator {node.index} ({node.op})"

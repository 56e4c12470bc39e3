"""Order of operators: the topological order with the smallest peak of live bytes.

A state of the search is the set of nodes already run (a bit mask); its live bytes depend on the set alone, so each set
is entered once, by the way with the lowest peak: a bottleneck shortest-path search over these sets.  Two facts keep
the number of sets small:

- a step is never cheaper than its own tensors and those that lie across it in every order (`_floor`): peaks below
  the largest such floor need not be told apart;
- a ready node whose step does not raise the peak and that leaves no more bytes alive than before can be run at once.
  What it frees can only grow as others run, so moving it to the front raises no later step.

So a chain, or a network that is nearly one, is linear work.  Beyond a limit on sets a beam search takes over.
The state space is that of Liberis and Lane, "Neural networks on microcontrollers: saving memory at inference via
operator reordering" (2019); bound, dominance and in-place costs are our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

DEFAULT_LIMIT = 20_000
_BEAM_WIDTH = 64


@dataclass(frozen=True)
class OrderProblem:
    """Nodes 0..n_nodes-1 in an order that already works, and what each step keeps in memory.  Sizes in bytes.

    `preds[k]` are nodes that must run before k, `reads[k]` and `writes[k]` the tensors node k reads and writes; the
    writers of what k reads are predecessors too, named or not.  `size[t]` is tensor t's size.  A tensor that no node
    writes and that some node reads or `inputs` names is alive from the start.  `outputs` stay alive to the end.
    `inplace[k]` are read tensors whose storage k's first output may take over if the tensor dies there: the pair then
    counts as its larger member in that step.  `scratch[k]` is alive in step k alone.

    A tensor dies after its last reader; one that nobody reads (and is no output) after the step that writes it, or,
    as an input, after the first step.
    """

    n_nodes: int
    preds: tuple[tuple[int, ...], ...]
    reads: tuple[tuple[int, ...], ...]
    writes: tuple[tuple[int, ...], ...]
    size: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    inplace: tuple[tuple[int, ...], ...]
    scratch: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """`sequence` of node indices, its `peak` in live bytes, and whether no order has a lower peak."""

    sequence: tuple[int, ...]
    peak: int
    optimal: bool


def peak_of(problem: OrderProblem, sequence: Sequence[int]) -> int:
    """Peak of live bytes of one order; ValueError if `sequence` is not a topological order of the nodes."""
    return max(step_bytes(problem, sequence), default=0)


def step_bytes(problem: OrderProblem, sequence: Sequence[int]) -> list[int]:
    """Live bytes of each step of an order; ValueError if `sequence` is not a topological order of the nodes."""
    tables = _Tables(problem)
    done, alive, steps = 0, tables.alive_at_start, []
    for k in sequence:
        if not 0 <= k < problem.n_nodes or done >> k & 1 or tables.preds[k] & ~done:
            raise ValueError(f"order: node {k} cannot run at position {len(steps)}")
        cost, alive = tables.step(done, alive, k)
        steps.append(cost)
        done |= 1 << k
    if done != tables.all_nodes:
        raise ValueError(f"order: {len(steps)} of {problem.n_nodes} nodes are ordered")
    return steps


def best_order(problem: OrderProblem, limit: int = DEFAULT_LIMIT) -> Order:
    """The order with the smallest peak, exact up to `limit` sets of nodes; never worse than the order given.

    The order given wins if it is as good as any; otherwise, of the best orders, the one that takes the lowest node
    index at the first difference (as long as finding it stays within `limit`).  Deterministic.
    Raises ValueError where tuples do not fit together or the order given is not topological.
    """
    _verify(problem)
    identity = tuple(range(problem.n_nodes))
    given = peak_of(problem, identity)
    tables = _Tables(problem)
    floor = tables.floor()
    if given <= floor:
        return Order(identity, given, True)
    sequence = _exact(tables, floor, given, limit)
    if sequence is None:
        beam = _beam(tables)
        peak = peak_of(problem, beam)
        return Order(beam, peak, peak == floor) if peak < given else Order(identity, given, False)
    peak = peak_of(problem, sequence)
    if peak >= given:
        return Order(identity, given, True)
    return Order(_earliest(tables, peak, limit) or sequence, peak, True)


def _verify(problem: OrderProblem) -> None:
    columns = (problem.preds, problem.reads, problem.writes, problem.inplace, problem.scratch)
    if any(len(column) != problem.n_nodes for column in columns):
        raise ValueError(f"order: every column must have {problem.n_nodes} rows")
    rows = (*problem.reads, *problem.writes, *problem.inplace, problem.inputs, problem.outputs)
    if any(not 0 <= t < len(problem.size) for row in rows for t in row):
        raise ValueError(f"order: a tensor index is outside 0..{len(problem.size) - 1}")
    if any(not 0 <= p < problem.n_nodes for row in problem.preds for p in row):
        raise ValueError(f"order: a predecessor is outside 0..{problem.n_nodes - 1}")
    written = [t for row in problem.writes for t in row]
    if len(written) != len(set(written)) or set(written) & set(problem.inputs):
        raise ValueError("order: a tensor is written twice, or is an input and written")
    if any(taken and not made for taken, made in zip(problem.inplace, problem.writes, strict=True)):
        raise ValueError("order: a node without outputs cannot take over an input's storage")
    if min((*problem.size, *problem.scratch), default=0) < 0:
        raise ValueError("order: sizes must not be negative")


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class _Tables:
    """A problem as bit masks over nodes."""

    def __init__(self, problem: OrderProblem) -> None:
        self.problem = problem
        n = problem.n_nodes
        self.all_nodes = (1 << n) - 1
        self.size = problem.size
        self.outputs = frozenset(problem.outputs)
        self.reads = [tuple(sorted(set(row))) for row in problem.reads]
        self.readers = [0] * len(problem.size)
        writer: dict[int, int] = {}
        for k in range(n):
            for t in self.reads[k]:
                self.readers[t] |= 1 << k
            for t in problem.writes[k]:
                writer[t] = k
        self.writer = writer
        self.preds = [0] * n
        self.succs: list[list[int]] = [[] for _ in range(n)]
        for k in range(n):
            before = {*problem.preds[k], *(writer[t] for t in self.reads[k] if t in writer)}
            self.preds[k] = sum(1 << p for p in before)
            for p in before:
                self.succs[p].append(k)
        self.written = [sum(problem.size[t] for t in row) for row in problem.writes]
        # What is still alive after the step that wrote it.
        self.kept = [sum(problem.size[t] for t in row if self.readers[t] or t in self.outputs) for row in problem.writes]
        resident = {t for t in (*problem.inputs, *problem.outputs) if t not in writer}
        resident |= {t for t, mask in enumerate(self.readers) if mask and t not in writer}
        self.resident = resident
        self.unread = sum(problem.size[t] for t in resident if not self.readers[t] and t not in self.outputs)
        self.alive_at_start = sum(problem.size[t] for t in resident)

    def ready(self, done: int) -> int:
        """Nodes that can run next, as a mask."""
        return sum(1 << k for k in range(len(self.preds)) if not done >> k & 1 and not self.preds[k] & ~done)

    def ready_after(self, ready: int, done: int, k: int) -> int:
        """`ready` once k, the last node added to `done`, has run."""
        ready &= ~(1 << k)
        for s in self.succs[k]:
            if not self.preds[s] & ~done:
                ready |= 1 << s
        return ready

    def step(self, done: int, alive: int, k: int) -> tuple[int, int]:
        """(live bytes during node k, live bytes after it), when the nodes of `done` have run and `alive` bytes live."""
        freed = saved = 0
        others = ~(done | 1 << k)
        inplace = self.problem.inplace[k]
        for t in self.reads[k]:
            if not self.readers[t] & others and t not in self.outputs:
                freed += self.size[t]
                if t in inplace:
                    saved = max(saved, min(self.size[t], self.size[self.problem.writes[k][0]]))
        cost = alive + self.written[k] + self.problem.scratch[k] - saved
        if done == 0:
            freed += self.unread
        return cost, alive + self.kept[k] - freed

    def is_free(self, done: int, alive: int, left: int) -> bool:
        """Whether the step from `alive` to `left` bytes leaves no more alive by its own doing. Unread inputs die with the
        first step, whichever that is."""
        return left + (self.unread if done == 0 else 0) <= alive

    def floor(self) -> int:
        """A bound on every order's peak: each node with all tensors that lie across it in every order."""
        n = len(self.preds)
        after = [0] * n
        for k in reversed(range(n)):
            for s in self.succs[k]:
                after[k] |= 1 << s | after[s]
        before = [0] * n
        for k in range(n):
            for p in _bits(self.preds[k]):
                before[k] |= 1 << p | before[p]
        problem = self.problem
        least = [self.written[k] + problem.scratch[k] for k in range(n)]
        for t, readers in enumerate(self.readers):
            # Alive before node k in every order: made (or there from the start) before it, needed at it or after it.
            if t in self.writer:
                made = after[self.writer[t]]
            elif t in self.resident:
                made = self.all_nodes
            else:
                continue
            if t in self.outputs:
                needed = self.all_nodes
            else:
                needed = readers
                for k in _bits(readers):
                    needed |= before[k]
            for k in _bits(made & needed):
                least[k] += self.size[t]
        for k in range(n):
            pairs = [min(self.size[t], self.size[problem.writes[k][0]]) for t in problem.inplace[k]]
            least[k] -= max(pairs, default=0)
        return max(least, default=0)


def _exact(tables: _Tables, floor: int, ceiling: int, limit: int) -> tuple[int, ...] | None:
    """An order with the lowest peak, found by entering sets of nodes in the order of their peak; None at the limit.

    Sets with a peak above `ceiling` (that of a known order) are left out; the known order is returned by the caller
    where nothing below it exists, so an empty result cannot happen.
    """
    came: dict[int, tuple[int, int]] = {}
    reached = {0: floor}
    # (peak, -nodes run, set, live bytes, ready nodes): of equal peaks the deepest set first.
    heap = [(floor, 0, 0, tables.alive_at_start, tables.ready(0))]
    entered = 0
    while heap:
        peak, depth, done, alive, ready = heappop(heap)
        if done == tables.all_nodes:
            return _walk_back(came, done)
        if reached[done] < peak:
            continue
        entered += 1
        if entered > limit:
            return None
        moves = []
        for k in _bits(ready):
            cost, left = tables.step(done, alive, k)
            if cost <= peak and tables.is_free(done, alive, left):
                moves = [(k, cost, left)]
                break
            moves.append((k, cost, left))
        for k, cost, left in moves:
            then = done | 1 << k
            high = max(peak, cost)
            if high <= ceiling and high < reached.get(then, ceiling + 1):
                reached[then] = high
                came[then] = (done, k)
                heappush(heap, (high, depth - 1, then, left, tables.ready_after(ready, then, k)))
    raise AssertionError("order: no order reaches the known peak")


def _walk_back(came: dict[int, tuple[int, int]], done: int) -> tuple[int, ...]:
    sequence = []
    while done:
        done, k = came[done]
        sequence.append(k)
    return tuple(reversed(sequence))


def _earliest(tables: _Tables, peak: int, limit: int) -> tuple[int, ...] | None:
    """Of the orders with at most `peak`, the one with the lowest node index at each turn; None at the limit."""
    dead: set[int] = set()
    visited = 0

    def completable(done: int, alive: int, ready: int) -> bool | None:
        """Depth-first: can the nodes outside `done` run within `peak`?  Sets that cannot are remembered in `dead`."""
        nonlocal visited
        stack = [(done, alive, ready, _bits(ready))]
        while stack:
            done, alive, ready, options = stack[-1]
            if done == tables.all_nodes:
                return True
            k = next(options, None)
            if k is None:
                dead.add(done)
                stack.pop()
                continue
            cost, left = tables.step(done, alive, k)
            then = done | 1 << k
            if cost > peak or then in dead:
                continue
            visited += 1
            if visited > limit:
                return None
            if tables.is_free(done, alive, left):
                # Free to run now: if this fails, so does every other continuation.
                stack[-1] = (done, alive, ready, iter(()))
            following = tables.ready_after(ready, then, k)
            stack.append((then, left, following, _bits(following)))
        return False

    sequence: list[int] = []
    done, alive, ready = 0, tables.alive_at_start, tables.ready(0)
    while done != tables.all_nodes:
        for k in _bits(ready):
            cost, left = tables.step(done, alive, k)
            then = done | 1 << k
            if cost > peak or then in dead:
                continue
            following = tables.ready_after(ready, then, k)
            # With a step that is free nothing can be lost, so the look-ahead is saved.
            possible = tables.is_free(done, alive, left) or completable(then, left, following)
            if possible is None:
                return None
            if possible:
                sequence.append(k)
                done, alive, ready = then, left, following
                break
        else:
            raise AssertionError("order: no order reaches the peak that was proven")
    return tuple(sequence)


def _beam(tables: _Tables, width: int = _BEAM_WIDTH) -> tuple[int, ...]:
    """A good order for graphs too wide for `_exact`: of the sets with equally many nodes, keep the best `width`."""
    front = [(0, tables.alive_at_start, 0, tables.ready(0))]
    came: dict[int, tuple[int, int]] = {}
    while front[0][2] != tables.all_nodes:
        best: dict[int, tuple[int, int, int, int]] = {}
        for peak, alive, done, ready in front:
            for k in _bits(ready):
                cost, left = tables.step(done, alive, k)
                then = done | 1 << k
                high = max(peak, cost)
                if then not in best or high < best[then][0]:
                    best[then] = (high, left, then, tables.ready_after(ready, then, k))
                    came[then] = (done, k)
        front = sorted(best.values())[:width]
    return _walk_back(came, tables.all_nodes)

"""Exact placement by deciding pairs: of two buffers alive together, which one lies below the other?

The counterpart of `place_search` for networks whose peak leaves room in most steps, where filling valleys wastes
effort on bytes nobody misses.  Each item keeps an interval of possible offsets; a decided pair moves the bounds, and
bounds that leave only one order for a pair decide it (precedence posting, as in disjunctive scheduling: Smith and
Cheng, "Slack-based heuristics for constraint satisfaction scheduling", AAAI 1993).  Where the lowest offsets collide
nowhere they are a placement; otherwise the colliding pair with the least slack is decided next.

Items that may overlap differ from others in nothing but the gap of one order of the pair (`place_gaps`).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tinyml.plan.place_gaps import Gaps, Item

_FIRST_LIMIT = 250

# Per item: lowest and highest offset, and per neighbour position the order: 0 open, 1 the item is below, 2 above.
_State = tuple[list[int], list[int], list[bytearray]]


def fit(items: Sequence[Item], gaps: Gaps, capacity: int, limit: int) -> tuple[list[int] | None, bool, int]:
    """(offsets below `capacity` bytes or None, whether None is a proof that there are none, nodes used).

    At most about `limit` nodes, over dives from the root whose length doubles and whose first choices vary.
    """
    pairs = _Pairs(items, gaps, capacity)
    used, dive, noise = 0, _FIRST_LIMIT, None
    while used < limit:
        offsets, finished, nodes = pairs.dive(min(dive, limit - used), noise)
        used += nodes
        if finished:
            return offsets, offsets is None, used
        # The first dive and the longest ones trust the slack; those between are led astray now and then.
        noise = Random(used)
        dive += dive // 2
    return None, False, used


class _Pairs:
    def __init__(self, items: Sequence[Item], gaps: Gaps, capacity: int) -> None:
        self.count = len(items)
        self.align = [item.align for item in items]
        self.highest = [(capacity - item.size) // item.align * item.align for item in items]
        self.near, self.back = gaps.near, gaps.back
        self.up, self.down = gaps.up, gaps.down

    def dive(self, limit: int, noise: Random | None) -> tuple[list[int] | None, bool, int]:
        """(offsets or None, whether the search came to its end, nodes used) of one depth-first search."""
        if min(self.highest) < 0:
            return None, True, 0
        root: _State = ([0] * self.count, list(self.highest), [bytearray(len(row)) for row in self.near])
        if not self._propagate(root, list(range(self.count))):
            return None, True, 0
        stack = [root]
        nodes = 0
        while stack:
            state = stack.pop()
            pair = self._tightest_collision(state, noise)
            if pair is None:
                return state[0], True, nodes
            nodes += 1
            if nodes > limit:
                return None, False, nodes
            i, p, below_first = pair
            other: _State = (list(state[0]), list(state[1]), [bytearray(row) for row in state[2]])
            # The second alternative lies deeper in the stack.
            for branch, below in ((other, not below_first), (state, below_first)):
                if self._decide(branch, i, p, below):
                    stack.append(branch)
        return None, True, nodes

    def _tightest_collision(self, state: _State, noise: Random | None) -> tuple[int, int, bool] | None:
        """(i, position of its neighbour, whether i below has more slack) of the pair to decide; None: all is placed."""
        lowest, highest, order = state
        best: tuple[int, int, bool] | None = None
        best_slack = 0.0
        for i in range(self.count):
            low, high = lowest[i], highest[i]
            for p, j in enumerate(self.near[i]):
                if j < i or order[i][p]:
                    continue
                up, down = low + self.up[i][p], lowest[j] + self.down[i][p]
                if up <= lowest[j] or down <= low:
                    continue
                below, above = highest[j] - up, high - down
                # The slack, made smaller where both orders are tight: then the pair matters more.
                least, most = (below, above) if below < above else (above, below)
                slack = float(least) * (most + 1.0) ** 0.5 / (least + 1.0) ** 0.5
                if noise is not None:
                    slack *= 1.0 + noise.random()
                if best is None or slack < best_slack:
                    best, best_slack = (i, p, below >= above), slack
        if best is not None and noise is not None and noise.random() < 0.1:
            best = (best[0], best[1], not best[2])
        return best

    def _decide(self, state: _State, i: int, p: int, below: bool) -> bool:
        j = self.near[i][p]
        state[2][i][p] = 1 if below else 2
        state[2][j][self.back[i][p]] = 2 if below else 1
        return self._propagate(state, [i, j])

    def _propagate(self, state: _State, changed: list[int]) -> bool:
        """Carry the bounds of the changed items over to their neighbours until nothing moves; False if one is empty."""
        lowest, highest, order = state
        while changed:
            i = changed.pop()
            mine = order[i]
            for p, j in enumerate(self.near[i]):
                up, down = self.up[i][p], self.down[i][p]
                if not mine[p]:
                    cannot_below = lowest[i] + up > highest[j]
                    cannot_above = lowest[j] + down > highest[i]
                    if not (cannot_below or cannot_above):
                        continue
                    if cannot_below and cannot_above:
                        return False
                    mine[p] = 2 if cannot_below else 1
                    order[j][self.back[i][p]] = 1 if cannot_below else 2
                below, above, gap = (i, j, up) if mine[p] == 1 else (j, i, down)
                moved = lowest[below] + gap
                if moved > lowest[above]:
                    lowest[above] = moved + -moved % self.align[above]
                    if lowest[above] > highest[above]:
                        return False
                    changed.append(above)
                moved = highest[above] - gap
                if moved < highest[below]:
                    highest[below] = moved - moved % self.align[below]
                    if lowest[below] > highest[below]:
                        return False
                    changed.append(below)
        return True

"""The arena over time as a drawing: every coordinate of the SVG, so that the template only prints them.

x is the operators in the order in which they run (a stage is as wide as it has operators, the peak never narrower than PEAK of
all others), y is bytes from the start of the arena upwards. One unit is a CSS pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tinyml.plan.model import Plan, Stage
from tinyml.report.arena import Box, Peak, Shared, operator_name, shared_regions, stage_mode

WIDTH, LEFT, RIGHT = 900, 78, 140  # labels of the lines to the right
BAND_TOP, BAND = 4, 30  # the row of stages
TOP, PLOT = 56, 380
PEAK = 0.12  # so that its boxes can be told apart among 150 steps
MARGIN = 30  # below the plot, where it has numbers and not names
LONGEST = 24  # characters of an operator's name
FONT = 12
NAME_FONT = 10  # of the operators' names
LINE = 14  # height of a line of text


def text_width(text: str, font: float = FONT) -> float:
    """Pixels that a text takes at most, in the sans-serif fonts that browsers have."""
    return font * sum(0.71 if c.isupper() or c in "×#–%" else 0.64 if c.isdigit() else 0.6 for c in text)


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class Label:
    """Text with its anchor point; `anchor` as SVG's text-anchor. upright: written from below to above, in the smaller font."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    upright: bool = False


@dataclass(frozen=True)
class ChartBox:
    box: Box
    rect: Rect
    label: Label | None
    at_peak: bool


@dataclass(frozen=True)
class ChartShared:
    shared: Shared
    rect: Rect


@dataclass(frozen=True)
class ChartStage:
    step: int
    rect: Rect  # in the row of stages
    column: Rect  # behind the boxes
    label: Label | None
    title: str


@dataclass(frozen=True)
class Line:
    """A horizontal line at a number of bytes, with its label."""

    kind: str
    y: float
    label: Label


@dataclass(frozen=True)
class ArenaChart:
    """top_bytes is the number of bytes at the top edge of the plot: y = plot.y + plot.h * (1 - bytes / top_bytes)."""

    width: int
    height: int
    plot: Rect
    top_bytes: int
    boxes: tuple[ChartBox, ...]
    shared: tuple[ChartShared, ...]
    stages: tuple[ChartStage, ...]
    ticks: tuple[Label, ...]
    columns: tuple[Label, ...]  # the operators' names, or numbers of steps
    lines: tuple[Line, ...]
    peak: Rect
    peak_label: Label


def arena_chart(plan: Plan, found: Sequence[Box], top: Peak, room: int) -> ArenaChart:
    """room: bytes that the board, or the budget, leaves for the arena; drawn where it is near."""
    scale = _Scale(plan, top.step, max(plan.total_bytes, room if room <= 1.3 * plan.total_bytes else 0, 1))
    shared = tuple(shared_regions(found))
    drawn = tuple(
        ChartBox(b, scale.rect(b.first, b.last, b.offset, b.end), _label(scale, b, shared), b.first <= top.step <= b.last)
        for b in sorted(found, key=lambda b: (-b.size * (b.last - b.first + 1), b.id))
    )
    column = scale.rect(top.step, top.step, 0, plan.total_bytes)
    text = f"peak: step {top.step}"
    half = text_width(text, 14) / 2
    middle = round(min(max(column.x + column.w / 2, LEFT + half), WIDTH - RIGHT - half), 2)
    names = _columns(plan, scale)
    below = round(max((text_width(t.text, NAME_FONT) for t in names), default=0)) + 14 if names and names[0].upright else MARGIN
    return ArenaChart(
        WIDTH, TOP + PLOT + below, Rect(LEFT, TOP, WIDTH - LEFT - RIGHT, PLOT), scale.top,
        drawn, tuple(ChartShared(s, scale.rect(s.first, s.last, s.lo, s.hi)) for s in shared),
        tuple(_stages(plan, scale)), tuple(_ticks(scale)), names, tuple(_lines(plan, scale, room)),
        column, Label(middle, BAND_TOP + BAND + LINE, text, "middle"),
    )  # fmt: skip


class _Scale:
    """From steps and bytes to pixels."""

    def __init__(self, plan: Plan, peak: int, most: int):
        widths: list[float] = [len(s.nodes) for s in plan.schedule.steps] or [1]
        widths[peak] = max(widths[peak], PEAK * (sum(widths) - widths[peak]))
        self.edges = list(accumulate(widths, initial=0.0))
        self.unit = (WIDTH - LEFT - RIGHT) / self.edges[-1]
        self.top = math.ceil(most * 1.04)

    def x(self, operators: float) -> float:
        return round(LEFT + operators * self.unit, 2)

    def y(self, size: float) -> float:
        return round(TOP + PLOT * (1 - size / self.top), 2)

    def rect(self, first: int, last: int, lo: int, hi: int) -> Rect:
        x0, x1 = self.x(self.edges[first]), self.x(self.edges[last + 1])
        return Rect(x0, self.y(hi), round(x1 - x0, 2), round(self.y(lo) - self.y(hi), 2))


def _label(scale: _Scale, b: Box, shared: Sequence[Shared]) -> Label | None:
    """The longest text that fits where no other box lies; none where none does."""
    size = f"{b.size:,} B"
    texts = tuple(f"{t} – {size}" for t in (b.name, b.maker or b.role.value, b.maker.partition(" ")[2]) if t) + (size,)
    mine = [s for s in shared if b in (s.low, s.high)]
    best: tuple[int, float, Label] | None = None
    for r in _free(scale, b, mine):
        for k, t in enumerate(texts):
            if r.h >= LINE and text_width(t) + 8 <= r.w:
                label = Label(round(r.x + 5, 2), round(r.y + min(r.h / 2, 40) + 4, 2), t)
            elif r.w >= NAME_FONT + 1 and text_width(t, NAME_FONT) + 8 <= r.h:
                label = Label(round(r.x + min(r.w / 2, 20) + 4, 2), round(r.y + r.h / 2, 2), t, "middle", True)
            else:
                continue
            rank = 2 * k + label.upright
            if best is None or (rank, -r.w * r.h) < best[:2]:
                best = rank, -r.w * r.h, label
            break
    return best[2] if best else _over(scale, b, mine, texts)


def _over(scale: _Scale, b: Box, mine: Sequence[Shared], texts: Sequence[str]) -> Label | None:
    """A label for a box that others cover: the lower one's at the bottom, the higher one's at the top."""
    rect = scale.rect(b.first, b.last, b.offset, b.end)
    text = next((t for t in texts if text_width(t) + 8 <= rect.w), None)
    if text is None or rect.h < (2 * LINE if len(mine) == 1 else math.inf):
        return None
    return Label(round(rect.x + 5, 2), round(rect.y + LINE if b is mine[0].high else rect.y + rect.h - 6, 2), text)


def _free(scale: _Scale, b: Box, shared: Sequence[Shared]) -> Iterator[Rect]:
    """Rectangles inside the box in which no other one lies: all of its life at some heights, some of its life at all."""
    taken = sorted((s.lo, s.hi) for s in shared)
    lo = b.offset
    for a, e in (*taken, (b.end, b.end)):
        if a > lo:
            yield scale.rect(b.first, b.last, lo, a)
        lo = max(lo, e)
    first = b.first
    for a, e in (*sorted((s.first, s.last) for s in shared), (b.last + 1, b.last + 1)):
        if a > first:
            yield scale.rect(first, a - 1, b.offset, b.end)
        first = max(first, e + 1)


def operators(stage: Stage) -> str:
    """How many it has, in words."""
    return f"{len(stage.nodes)} operator{'s' * (len(stage.nodes) != 1)}"


def _stages(plan: Plan, scale: _Scale) -> Iterator[ChartStage]:
    for k, stage in plan.schedule.stages():
        column = scale.rect(k, k, 0, scale.top)
        band = Rect(column.x, BAND_TOP, column.w, BAND)
        count, mode = operators(stage), stage_mode(stage)
        texts = (f"stage of {count}, {mode}", f"{count}, {mode}", mode, str(len(stage.nodes)))
        text = next((t for t in texts if text_width(t) + 8 <= band.w), None)
        label = Label(round(band.x + band.w / 2, 2), BAND_TOP + BAND / 2 + 4, text, "middle") if text else None
        names = ", ".join(operator_name(plan.graph, n) for n in stage.nodes)
        yield ChartStage(k, band, column, label, f"step {k}: stage, {mode}: {names}")


def tick_values(top: float, most: int) -> range:
    """At most about so many round numbers from 0 to `top`."""
    rough = max(top / most, 1)
    base = 10 ** math.floor(math.log10(rough))
    step = next(int(base * f) for f in (1, 2, 2.5, 5, 10) if base * f >= rough and base * f == int(base * f))
    return range(0, int(top) + 1, step)


def _ticks(scale: _Scale) -> Iterator[Label]:
    return (Label(LEFT - 8, scale.y(v), f"{v:,}", "end") for v in tick_values(scale.top, 8))


def _columns(plan: Plan, scale: _Scale) -> tuple[Label, ...]:
    """A name per operator where there is room, else a number for some of the steps."""
    base, steps = TOP + PLOT + 14, plan.schedule.steps
    nodes = [k for s in steps for k in s.nodes]
    if scale.unit >= 13 and nodes:
        texts = (operator_name(plan.graph, k) for k in nodes)
        short = (t if len(t) <= LONGEST else f"{t[: LONGEST - 8]}… #{t.rpartition('#')[2]}" for t in texts)
        spans = ((a, (b - a) / len(s.nodes), len(s.nodes)) for s, a, b in zip(steps, scale.edges, scale.edges[1:], strict=False))
        middles = [scale.x(first + (k + 0.5) * width) for first, width, count in spans for k in range(count)]
        return tuple(Label(round(x + 4, 2), base - 4, t, "end", True) for x, t in zip(middles, short, strict=True))
    base += 5
    out = [Label(LEFT - 8, base, "step", "end")]
    every = next(n for n in (1, 2, 5, 10, 20, 50, len(steps) + 1) if n * scale.unit >= 28)
    for s in range(0, len(steps), every):
        out.append(Label(scale.x((scale.edges[s] + scale.edges[s + 1]) / 2), base, str(s), "middle"))
    return tuple(out)


def _lines(plan: Plan, scale: _Scale, room: int) -> Iterator[Line]:
    """Labels that would touch move up."""
    found = [("arena", plan.total_bytes, f"arena {plan.total_bytes:,} B")]
    if plan.further:
        ends = accumulate(a.size_bytes for a in plan.arenas)
        names = (f"{a.bank or 'main RAM'} {a.size_bytes:,} B" for a in plan.arenas)
        found = [("arena" if e == plan.total_bytes else "border", e, t) for e, t in zip(ends, names, strict=True)]
    if not plan.optimal and plan.lower_bound_bytes < plan.total_bytes:
        found.append(("bound", plan.lower_bound_bytes, f"bound {plan.lower_bound_bytes:,} B"))
    if room <= scale.top:
        found.append(("room", room, f"room {room:,} B"))
    last = math.inf
    for kind, value, text in sorted(found, key=lambda f: f[1]):
        last = round(min(scale.y(value) + 4, last - LINE), 2)
        yield Line(kind, scale.y(value), Label(WIDTH - RIGHT + 6, last, text))

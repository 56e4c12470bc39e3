"""Networks of different widths side by side: what they cost, what they get right. As a table and as a drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.report.chart import Label, tick_values
from tinyml.report.page import environment

PANEL, HEIGHT, LEFT, TOP, BOTTOM, GAP = 250, 260, 62, 30, 44, 26


@dataclass(frozen=True)
class WidthPoint:
    """name: which widths, in short. error: of the output on samples that were not calibrated with, over its variance; predicted: what
    the search expected; top1: per cent on those samples, None without labels. arena, weights: bytes as planned. bitops: bits of weight times
    bits of activation, summed over all multiply-accumulates. instructions: of one inference on the board, counted under
    emulation, else `estimated`; None without a board."""

    name: str
    error: float
    predicted: float
    top1: float | None
    arena: int
    weights: int
    bitops: int
    instructions: int | None
    chosen: bool = False
    estimated: bool = False  # the instructions, from the kernels in use

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def front_lines(points: Sequence[WidthPoint]) -> list[str]:
    """Best first. BitOPs in millions."""
    width = max(len(p.name) for p in points)
    counted = any(p.instructions is not None for p in points)
    head = f"  {'widths':{width}}  {'top-1':>7} {'error':>8} {'arena':>9} {'weights':>9} {'MBitOPs':>9}" + (
        f" {'instructions':>13}" if counted else ""
    )
    lines = [head]
    for p in points:
        top1 = "" if p.top1 is None else f"{p.top1:.1f} %"
        line = f"{'>' if p.chosen else ' '} {p.name:{width}}  {top1:>7} {100 * p.error:>6.2f} % {p.arena:>9,} {p.weights:>9,} {p.bitops / 1e6:>9,.1f}"
        if counted:
            line += f" {'~' * p.estimated + format(p.instructions, ','):>13}" if p.instructions is not None else f" {'':>13}"
        lines.append(line)
    return lines


# ---------------------------------------------------------------- drawing


@dataclass(frozen=True)
class Spot:
    x: float
    y: float
    title: str
    chosen: bool


@dataclass(frozen=True)
class Panel:
    """One cost against the accuracy."""

    title: str
    left: float
    right: float
    spots: tuple[Spot, ...]
    x_ticks: tuple[Label, ...]


@dataclass(frozen=True)
class WidthChart:
    width: int
    height: int
    top: float
    bottom: float
    y_title: str
    y_ticks: tuple[Label, ...]
    panels: tuple[Panel, ...]


COSTS: tuple[tuple[str, Callable[[WidthPoint], int | None]], ...] = (
    ("arena, bytes", lambda p: p.arena),
    ("weights, bytes", lambda p: p.weights),
    ("million bit operations", lambda p: p.bitops // 1_000_000),
    ("instructions", lambda p: p.instructions),
)


def width_chart(points: Sequence[WidthPoint]) -> WidthChart:
    labelled = all(p.top1 is not None for p in points)
    values = [(p.top1 or 0.0) if labelled else 100 * p.error for p in points]
    least, most = min(values), max(values)
    margin = max((most - least) * 0.1, 0.5)
    low, high = max(0.0, least - margin), most + margin
    bottom = HEIGHT - BOTTOM

    def y(value: float) -> float:
        return round(bottom - (bottom - TOP) * (value - low) / (high - low), 2)

    panels = []
    for title, cost in COSTS:
        costs = [cost(p) for p in points]
        if any(c is None for c in costs):
            continue
        left = LEFT + len(panels) * (PANEL + GAP)
        reach = max(1, max(c or 0 for c in costs)) * 1.05

        def x(value: float, left: float = left, reach: float = reach) -> float:
            return round(left + PANEL * value / reach, 2)

        spots = tuple(Spot(x(c or 0), y(v), f"{p.name}: {v:.2f}, {c:,}", p.chosen) for p, v, c in zip(points, values, costs, strict=True))
        ticks = tuple(Label(x(v), bottom + 16, f"{v:,}", "middle") for v in tick_values(reach, 3))
        panels.append(Panel(title, left, left + PANEL, spots, ticks))
    step = max((high - low) / 4, 0.01)
    y_ticks = tuple(Label(LEFT - 8, y(low + k * step), f"{low + k * step:.1f}", "end") for k in range(5))
    total = LEFT + len(panels) * (PANEL + GAP)
    return WidthChart(total, HEIGHT, TOP, bottom, "top-1, per cent" if labelled else "output error, per cent", y_ticks, tuple(panels))


def width_svg(points: Sequence[WidthPoint]) -> str:
    """A stand-alone SVG file."""
    return environment().get_template("widths.svg.j2").render(chart=width_chart(points))

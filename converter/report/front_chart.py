"""The front as a drawing: arena bytes over estimated instructions, the plan in use marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.report.chart import Label, text_width, tick_values
from tinyml.report.front import FrontPoint

WIDTH, HEIGHT = 600, 300
LEFT, RIGHT, TOP, BOTTOM = 78, 90, 18, 46


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    point: FrontPoint
    label: Label | None


@dataclass(frozen=True)
class FrontChart:
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    dots: tuple[Dot, ...]
    path: str  # the staircase of what can be had
    x_ticks: tuple[Label, ...]
    y_ticks: tuple[Label, ...]
    room_y: float | None  # height of the RAM that there is for the arena, where the drawing reaches so far


def front_chart(points: Sequence[FrontPoint], room: int) -> FrontChart:
    most_ram, most = max(p.ram for p in points) * 1.1, max(p.instructions_extra or 0 for p in points) or 1
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(value: float) -> float:
        return round(LEFT + (right - LEFT) * math.sqrt(value / most), 2)  # the cheap plans lie close to each other

    def y(value: float) -> float:
        return round(bottom - (bottom - TOP) * value / most_ram, 2)

    dots: list[Dot] = []
    taken: list[tuple[float, float, float]] = [(x(p.instructions_extra or 0) - 6, y(p.ram), 12.0) for p in points]  # x, y, width
    for p in sorted(points, key=lambda p: (not p.chosen, p.ram)):
        px, py = x(p.instructions_extra or 0), y(p.ram)
        text = f"{p.ram:,} B" + (" – this plan" if p.chosen else "")
        spots = ((px + 10, py - 8, "start"), (px + 10, py + 16, "start"), (px - 10, py - 8, "end"), (px - 10, py + 16, "end"))
        label = None
        for lx, ly, anchor in spots:
            width = text_width(text)
            left = lx if anchor == "start" else lx - width
            clear = all(left + width < a or a + w < left or abs(ly - 4 - b) > 15 for a, b, w in taken)
            if clear and left > LEFT and left + width < WIDTH and ly < bottom - 2:
                label = Label(lx, ly, text, anchor)
                taken.append((left, ly - 4, width))
                break
        dots.append(Dot(px, py, p, label))
    on = sorted((p for p in points if p.instructions_extra is not None), key=lambda p: p.instructions_extra or 0)
    path = " ".join(f"{'M' if k == 0 else 'H'}{x(p.instructions_extra or 0)}{',' if k == 0 else ' V'}{y(p.ram)}" for k, p in enumerate(on))
    if on:
        path += f" H{right}"
    x_ticks: list[Label] = []
    for v in tick_values(most, 5) if most > 1 else (0,):
        room_for = text_width(f"{v:,}") + 8
        if not x_ticks or x(v) - x_ticks[-1].x > room_for:
            x_ticks.append(Label(x(v), bottom + 18, f"{v:,}", "middle"))
    return FrontChart(
        WIDTH, HEIGHT, LEFT, right, TOP, bottom, tuple(dots), path,
        tuple(x_ticks),
        tuple(Label(LEFT - 8, y(v), f"{v:,}", "end") for v in tick_values(most_ram, 5)),
        y(room) if room <= most_ram else None,
    )  # fmt: skip

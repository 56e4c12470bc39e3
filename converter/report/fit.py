"""Why a plan does not fit a board, and the smallest change that would: one line, exit code 5."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml.board import Board
from tinyml.errors import DoesNotFit
from tinyml.plan.model import Plan
from tinyml.report.memory import PlanReport

Remedy = Callable[[int], str]  # bytes of room for the arena -> options of the command with which a plan fits; "" where none does


def missing_bytes(report: PlanReport, kind: str) -> int:
    """By how much a kind of memory is exceeded: all of it together, or the fullest bank where several are in use."""
    whole = report.ram if kind == "ram" else report.flash
    used = [b for b in report.banks if b.kind == kind and b.used]
    return max(0, whole.total - whole.budget, *(b.used - b.size for b in used if len(used) > 1))


def require_fit(report: PlanReport, boards: tuple[Board, ...], plan: Plan, remedy: Remedy = lambda room: "") -> None:
    """Raises DoesNotFit: which step is the peak, how many bytes are missing, the smallest change that would fit."""
    over_ram, over_flash = missing_bytes(report, "ram"), missing_bytes(report, "flash")
    if over_ram <= 0 and over_flash <= 0:
        return
    needs = f"needs {report.ram.total:,} B RAM of {report.ram.budget:,} and {report.flash.total:,} B flash of {report.flash.budget:,}"
    parts = []
    if over_ram > 0 and report.peak is not None:
        p = report.peak
        shape = "x".join(map(str, p.shape))
        parts.append(
            f"RAM: {over_ram:,} B too many; the peak is step {p.index} (operator {p.operator} {p.op} -> {shape}) "
            f"with {p.live_bytes:,} B live"
        )
    if over_flash > 0:
        parts.append(f"flash: {over_flash:,} B too many ({report.flash.weights:,} B are weights)")
    raise DoesNotFit(report.board, f"{report.model} {needs}; " + "; ".join(parts), _smallest_change(report, boards, plan, remedy))


def _smallest_change(report: PlanReport, boards: tuple[Board, ...], plan: Plan, remedy: Remedy) -> str:
    room = report.ram.budget - report.ram.stack - (report.ram.runtime or 0)
    options = []
    if missing_bytes(report, "ram"):
        other = remedy(room) if room > 0 else ""
        if other and not missing_bytes(report, "flash"):
            return f"{other} fits"
        options.append(f"arena budget here is {max(0, room):,} B: {_shrink(plan, room)}")
    own = next((b for b in boards if b.name == report.board), None)
    if own is not None and report.ram.total <= own.ram_bytes and report.flash.total <= own.flash_bytes:
        options.append(f"or raise the budget: {report.board} itself has {own.ram_bytes:,} B RAM and {own.flash_bytes:,} B flash")
        return "; ".join(options)
    fitting = [b for b in boards if _has_room(b, report) and b.name != report.board and not b.is_host]
    if fitting:
        b = min(fitting, key=lambda b: (b.ram_bytes, b.flash_bytes))
        options.append(f"or --board {b.name} ({b.ram_bytes:,} B RAM, {b.flash_bytes:,} B flash), the smallest known board that fits")
    else:
        options.append("no other board of the catalogue is large enough")
    return "; ".join(options)


def _has_room(b: Board, report: PlanReport) -> bool:
    """One bank for the arena as it is now, and flash for the rest. Boards that have it in their main banks count alone."""
    ram = report.ram.arena + (report.ram.runtime or 0)
    return b.ram_bytes - b.stack_bytes >= ram and b.flash_bytes >= report.flash.total


def _shrink(plan: Plan, room: int) -> str:
    """The input size at which a convolutional network's arena would fit: activations scale with the image's area."""
    shape = next((plan.graph.tensors[t].shape for t in plan.graph.inputs if len(plan.graph.tensors[t].shape) == 4), None)
    missing = plan.total_bytes - room
    if shape is None or room <= 0 or min(shape[1:3]) < 8:
        return f"free {missing:,} B at the peak step"
    factor = float(np.sqrt(room / plan.total_bytes))
    h, w = (int(d * factor) // 2 * 2 for d in shape[1:3])
    if min(h, w) < 2:
        return f"free {missing:,} B at the peak step"
    return f"free {missing:,} B at the peak step, about an input of {h}x{w} instead of {shape[1]}x{shape[2]}"

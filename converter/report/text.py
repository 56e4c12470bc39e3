"""Reports as text for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tinyml.report.memory import BankRow, PlanReport


def count(n: int | None) -> str:
    return "?" if n is None else f"{n:,}"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def memory_lines(r: PlanReport) -> list[str]:
    bound = "proven minimal" if r.ram.lower_bound == r.ram.arena or r.optimal else f"lower bound {count(r.ram.lower_bound)}"
    lines = [
        f"RAM    {count(r.ram.total):>11} B of {count(r.ram.budget)} ({share(r.ram.total, r.ram.budget)}): "
        f"arena {count(r.ram.arena)} (input {count(r.ram.input)} inside; {bound}), "
        f"stack {count(r.ram.stack)}, runtime {count(r.ram.runtime)}",
        f"flash  {count(r.flash.total):>11} B of {count(r.flash.budget)} ({share(r.flash.total, r.flash.budget)}): "
        f"weights {count(r.flash.weights)}, code {count(r.flash.code)}",
        f"MACs   {count(r.macs.planned):>11}",
    ]
    if r.peak is not None:
        shape = "x".join(map(str, r.peak.shape))
        lines.append(f"peak   {count(r.peak.live_bytes):>11} B in step {r.peak.index}: {r.peak.op} -> {shape}")
    return lines + bank_lines(r)


def bank_lines(r: PlanReport) -> list[str]:
    """What went where; nothing where only the main banks, the first ones of their kinds, hold anything."""
    main = {next(b.name for b in r.banks if b.kind == kind) for kind in ("ram", "flash")}
    used = [b for b in r.banks if b.used]
    if all(b.name in main for b in used):
        return []
    parts = ((b, [f"{k} {count(n)}" for k, n in uses(b) if n]) for b in used)
    return [f"bank   {count(b.used):>11} B of {count(b.size)} in {b.name}: {', '.join(p)}" for b, p in parts]


def uses(b: BankRow) -> tuple[tuple[str, int | None], ...]:
    """What for, and how many bytes."""
    return ("arena", b.arena), ("stack", b.stack), ("runtime", b.runtime), ("weights", b.weights), ("code", b.code)


WIDEST = 120  # columns of a table of steps


def layer_table(r: PlanReport) -> Table:
    table = Table(box=None, pad_edge=False)
    for title, justify in (
        ("step", "right"),
        ("operator", "left"),
        ("output", "left"),
        ("MACs", "right"),
        ("live B", "right"),
        ("kernel", "left"),
    ):
        table.add_column(title, justify=justify, overflow="fold")
    for row in r.layers:
        mark = " <- peak" if r.peak is not None and row.index == r.peak.index else ""
        kernels = " ".join(row.kernels)
        table.add_row(str(row.index), row.op, "x".join(map(str, row.shape)), count(row.macs), count(row.live_bytes) + mark, kernels)
    # names stay whole where a terminal is narrower, or where there is none: its own wrapping is easier to read than cut names
    table.width = min(WIDEST, Console(width=WIDEST).measure(table).maximum)
    return table

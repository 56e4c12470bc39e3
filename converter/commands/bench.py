"""`tinyml bench`: what an inference costs, per layer: exact instructions on an emulator, time on a board."""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from rich.table import Table

from tinyml.commands.common import Command, Console, add_model, load_job
from tinyml.commands.target import add_target, open_session
from tinyml.device.session import Profile
from tinyml.errors import UsageError
from tinyml.report.memory import LayerRow, layer_rows
from tinyml.report.text import count
from tinyml.samples import random_samples


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    add_target(p, default="emulator")
    p.add_argument("--repeat", type=int, default=1, metavar="N", help="number of timed inferences (default 1)")


def run(args: argparse.Namespace, console: Console) -> None:
    if args.repeat < 1:
        raise UsageError("--repeat", f"{args.repeat} is not a positive number", "give at least 1")
    job = load_job(args, console)
    sample = random_samples(job.compiled.plan.graph, 1).inputs[0]
    with open_session(job, args, console, "bench") as target:
        target.progress("measuring")
        profiles = [target.session.profile(sample) for _ in range(args.repeat)]
        stack, ident = target.session.stack(), target.session.identify()
        note, on = target.note, target.on
    rows = layer_rows(job.compiled.plan)
    result = to_json(profiles, rows, on)
    result.update(target=note, counter=profiles[0].counter, clock_hz=ident.clock_hz, stack=stack, compiler=target.compiler)
    console.text.print(table(result))
    unit = profiles[0].counter
    total = profiles[0].total
    macs = result["macs"]
    console.print(
        f"{job.path.name} on {note}: {count(total)} {unit}, {count(macs)} MACs, {total / max(1, macs):.2f} per MAC; stack {count(stack)} B"
    )
    if result["latency_us"]:
        t = result["latency_us"]
        console.print(f"latency {t['median']:.0f} us (min {t['min']:.0f}, max {t['max']:.0f})")
    console.result(result)


def to_json(profiles: list[Profile], rows: tuple[LayerRow, ...], on: str) -> dict[str, Any]:
    """The layers and `unattributed` of the first run add up to its total exactly. Counts of instructions are exact;
    counts of cycles or ticks become times by the counter's rate."""
    first = profiles[0]
    exact = first.counter == "instructions"
    times = [1e6 * p.total / p.hz for p in profiles] if not exact and first.hz else []
    key = "instructions" if exact else "cycles"
    layers = [
        {"index": r.index, "name": r.op, "operator": r.operator, "shape": list(r.shape), key: n, "macs": r.macs}
        for r, n in zip(rows, first.steps, strict=True)
    ]
    return {
        "on": on,
        "instructions": first.total if exact else None,
        "cycles": None if exact else first.total,
        "cycles_estimate": None,
        "latency_us": {"min": min(times), "median": statistics.median(times), "max": max(times)} if times else None,
        "macs": sum(r.macs for r in rows),
        "layers": layers,
        "unattributed": first.total - sum(first.steps),
    }


def table(result: dict[str, Any]) -> Table:
    key = "instructions" if result["instructions"] is not None else "cycles"
    total = result[key]
    out = Table(box=None, pad_edge=False)
    for title, justify in (
        ("step", "right"),
        ("operator", "left"),
        ("output", "left"),
        (key, "right"),
        ("share", "right"),
        ("MACs", "right"),
        ("per MAC", "right"),
    ):
        out.add_column(title, justify=justify)
    for row in result["layers"]:
        n, macs = row[key], row["macs"]
        out.add_row(
            str(row["index"]), row["name"], "x".join(map(str, row["shape"])), count(n), f"{100 * n / max(1, total):.1f} %",
            count(macs) if macs else "", f"{n / macs:.2f}" if macs else "",
        )  # fmt: skip
    out.add_row("", "unattributed", "", count(result["unattributed"]), f"{100 * result['unattributed'] / max(1, total):.1f} %", "", "")
    out.add_row("", "total", "", count(total), "", count(result["macs"]), "")
    return out


COMMAND = Command("bench", 50, "count instructions or measure time, per layer", arguments, run)

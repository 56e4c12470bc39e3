"""`tinyml bench`: what an inference costs, per layer: exact instructions on an emulator, time on a board."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tinyml.commands.common import Command, Console, Job, add_model, load_job
from tinyml.commands.target import Target, add_target, open_session, place
from tinyml.cycles import Estimate, estimate, load_core
from tinyml.cycles.counts import read_counts
from tinyml.device.measure import REPEATS, Measurement, measure
from tinyml.errors import DeviceError, UsageError, printable
from tinyml.report.bench import UNITS, BenchReport, Clock, Layer, Where, comparison, summary, table
from tinyml.report.memory import LayerRow, layer_rows
from tinyml.samples import random_samples


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    add_target(p, default="emulator")
    p.add_argument(
        "--repeat", type=int, metavar="N", help=f"number of timed inferences (default {REPEATS}, and 1 where counts are exact)"
    )
    p.add_argument("--wait-states", type=int, default=0, metavar="N", help="of the flash, for the estimate of cycles on an emulator (default 0)")
    p.add_argument("--baseline", metavar="F.json", help="compare with the --json of an earlier bench")


def run(args: argparse.Namespace, console: Console) -> None:
    if args.repeat is not None and args.repeat < 1:
        raise UsageError("--repeat", f"{args.repeat} is not a positive number", "give at least 1")
    if not 0 <= args.wait_states <= 15:
        raise UsageError("--wait-states", f"{args.wait_states} is not within 0..15", "see the flash chapter of the chip's manual")
    baseline = read_baseline(Path(args.baseline)) if args.baseline else None
    job = load_job(args, console, on_host=place(args) == "host")
    rows = layer_rows(job.compiled.plan)
    sample = random_samples(job.compiled.plan.graph, 1).inputs[0]
    with open_session(job, args, console, "bench", count=True) as target:
        steps = target.session.identify().steps
        if steps != len(rows):
            raise DeviceError(target.session.link.name, f"runs a plan of {steps} steps, this one has {len(rows)}", "run `tinyml flash` again")
        target.progress("measuring")
        measured = measure(target.session, sample, args.repeat)
        where = describe(job, target)
        cycles, why_not = cycles_of(target, measured, args.wait_states)
    result = report(where, measured, rows, cycles, why_not)
    if baseline is not None and baseline["counter"] != result.unit:
        raise UsageError(args.baseline, f"counts {baseline['counter']}, this bench {result.unit}", "compare on the same --on and board")
    for line in (*table(result, baseline), *summary(result)):
        console.print(line)
    if baseline is not None:
        console.print(comparison(result, baseline, args.baseline))
    more = {"baseline": {"total": baseline["total"], "target": baseline["target"]}} if baseline is not None else {}
    console.result({**result.to_json(), **more})


def describe(job: Job, target: Target) -> Where:
    """What is measured, as the firmware and the board file say it."""
    session, board = target.session, target.board
    ident = session.identify()
    flags = ident.flag_names
    return Where(
        on=target.on,
        target=target.note,
        board=board.name,
        emulated=target.emulated,
        stand_in=ident.is_stand_in,
        port=target.port,
        baud=target.baud,
        clock=Clock(ident.clock_hz, board.f_cpu_hz, "clock fall-back" in flags),
        caches=tuple(name for name in ("instruction", "data") if f"{name} cache" in flags),
        fpu="FPU" in flags,
        counter_name=board.counter.name,
        counter_hz=session.counter_hz,
        stack=session.stack(),
        stack_size=session.stack_size(),
        compiler=target.compiler,
        flags=target.flags,
        tool_version=ident.tool_version,
        model=job.path.name,
        model_hash=ident.model_hash,
    )


def cycles_of(target: Target, m: Measurement, wait_states: int) -> tuple[Estimate | None, str]:
    """Cycles estimated from what the emulator counted; None where that is not possible, and why where there is something to say."""
    if m.counter != "instructions" or not target.emulated:
        return None, ""
    name = target.board.core
    core = load_core(name)
    if core is None:
        return None, f"there is no timing model of {name}"
    if target.counting is None:
        return None, target.not_counted
    try:
        counts = read_counts(target.counting.out.read_bytes())
    except (OSError, ValueError) as e:
        return None, f"the emulator's counts can not be read ({e})"
    found = estimate(counts, name, core, m.steps, wait_states)
    return found, "" if found else "no inference in one piece is in the emulator's counts"


def report(where: Where, m: Measurement, rows: tuple[LayerRow, ...], cycles: Estimate | None = None, why_not: str = "") -> BenchReport:
    each = cycles.steps if cycles else (None,) * len(rows)
    layers = tuple(
        Layer(r.index, r.op, r.operator, r.shape, r.macs, n, m.us(n), round(e.cycles) if e else None)
        for r, n, e in zip(rows, m.steps, each, strict=True)
    )
    times = tuple(t for t in map(m.us, m.totals) if t is not None)
    return BenchReport(where, m.counter, len(m.totals), m.total, m.cycles(where.clock.hz), times, layers, cycles, why_not)


def read_baseline(path: Path) -> dict[str, Any]:
    """An earlier report. Raises UsageError where the file is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        counts = [value["total"], value["unattributed"], *(row["count"] for row in value["layers"])]
        names = [value["target"], *(row["name"] for row in value["layers"])]
        good = all(type(n) is int for n in counts) and all(type(n) is str for n in names) and value["counter"] in UNITS
        good = good and all(type(row["shape"]) is list for row in value["layers"])
    except OSError as e:
        raise UsageError(printable(path), f"can not be read ({e.strerror})", "check the file name") from None
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UsageError(printable(path), "is no report of `tinyml bench --json`", "write one with: tinyml bench --json ... > FILE")
    return {**value, "target": printable(value["target"], 200)}


COMMAND = Command("bench", 50, "count instructions or measure time, per layer", arguments, run)

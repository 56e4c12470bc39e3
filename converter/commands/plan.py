"""`tinyml plan`: what a model would need on a board, and why."""

from __future__ import annotations

import argparse

from tinyml.commands.common import Command, Console, add_model, load_job
from tinyml.commands.firmware import all_boards, measure
from tinyml.errors import UsageError
from tinyml.report.memory import plan_report, require_fit
from tinyml.report.text import layer_table, memory_lines


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    p.add_argument("--front", action="store_true", help="list the plans on the front of RAM against multiply-accumulates")
    p.add_argument("--html", metavar="FILE", help="write an HTML report")
    p.add_argument("--no-compile", action="store_true", help="do not build the firmware to measure code size")


def run(args: argparse.Namespace, console: Console) -> None:
    if args.html:
        raise UsageError("--html", "is not available in this version", "use --json")
    job = load_job(args, console)
    report = plan_report(job.compiled, job.board, None if args.no_compile else measure(job, console), job.ram, job.flash)
    console.text.print(layer_table(report))
    console.print(f"{report.model} on {report.board}")
    for line in memory_lines(report):
        console.print(line)
    if report.flash.code is None:
        console.print(
            "code size and static RAM are not known: " + ("not compiled" if args.no_compile else "no compiler, see `tinyml doctor`")
        )
    require_fit(report, all_boards(), job.compiled.plan)
    value = report.to_json()
    if args.front:
        # layer-wise plans recompute nothing, so the front has one point
        point = {"ram": report.ram.arena, "macs": report.macs.planned}
        console.print(f"front: arena {point['ram']:,} B at {point['macs']:,} MACs")
        value["front"] = [point]
    console.result(value)


COMMAND = Command("plan", 20, "show what a model needs on a board, and why", arguments, run)

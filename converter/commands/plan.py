"""`tinyml plan`: what a model would need on a board, and why."""

from __future__ import annotations

import argparse

from tinyml.commands.common import Command, Console, add_budgets, add_model, load_job
from tinyml.commands.firmware import measure
from tinyml.errors import UsageError
from tinyml.report.memory import plan_report, require_fit
from tinyml.report.text import layer_table, memory_lines


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    add_budgets(p)
    p.add_argument("--front", action="store_true", help="print the Pareto front of RAM against multiply-accumulates")
    p.add_argument("--html", metavar="FILE", help="write an HTML report")
    p.add_argument("--no-compile", action="store_true", help="do not build the firmware to measure code size")


def run(args: argparse.Namespace, console: Console) -> None:
    for option in ("front", "html"):
        if getattr(args, option):
            raise UsageError(f"--{option}", "is not available in this version", "leave it out")
    job = load_job(args, console)
    measured, firmware = (None, None) if args.no_compile else measure(job, console)
    report = plan_report(job.compiled, job.board, measured, job.ram, job.flash)
    console.text.print(layer_table(report))
    console.print(f"{report.model} on {report.board}")
    for line in memory_lines(report):
        console.print(line)
    if firmware is None and not args.no_compile:
        console.print(f"code size is not known: no compiler for {report.board} (see `tinyml doctor`)")
    require_fit_or_report(report, job, console)


def require_fit_or_report(report, job, console: Console) -> None:
    from tinyml.commands.firmware import all_boards

    require_fit(report, all_boards(), job.compiled.plan)
    console.result(report.to_json())


COMMAND = Command("plan", 20, "show what a model needs on a board, and why", arguments, run)

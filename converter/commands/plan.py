"""`tinyml plan`: what a model would need on a board, and why."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinyml.commands.common import Command, Console, Deadline, Job, add_model, load_job
from tinyml.commands.firmware import all_boards, measure
from tinyml.device.files import write_text
from tinyml.errors import DoesNotFit, UsageError
from tinyml.passes import run_passes
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, front
from tinyml.report.fit import require_fit
from tinyml.report.front import FrontPoint, front_points, front_table
from tinyml.report.memory import Measured, PlanReport, plan_report
from tinyml.report.page import arena_room, plan_page
from tinyml.report.text import layer_table, memory_lines


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    p.add_argument("--front", action="store_true", help="list the plans on the front of RAM against time")
    p.add_argument("--html", metavar="FILE", type=Path, help="write the report as one HTML file")
    p.add_argument("--no-compile", action="store_true", help="do not build the firmware to measure code size")


def run(args: argparse.Namespace, console: Console) -> None:
    if args.html:
        _writable(args.html)
    job = load_job(args, console)
    measured, refusal = _measure(args, job, console)
    report = plan_report(job.compiled, job.board, measured, job.ram, job.flash)
    console.text.print(layer_table(report))
    console.print(f"{report.model} on {report.board}")
    for line in memory_lines(report):
        console.print(line)
    if report.flash.code is None and refusal is None:
        console.print(
            "code size and static RAM are not known: " + ("not compiled" if args.no_compile else "no compiler, see `tinyml doctor`")
        )
    value = report.to_json()
    if args.front or args.html:
        points = _front(args, job, report, console)
        if args.front:
            console.text.print(front_table(points))
            value["front"] = [p.to_json() for p in points]
        if args.html:
            write_text(args.html, plan_page(job.compiled.plan, report, points))
            console.print(f"wrote {args.html}")
    try:
        require_fit(report, all_boards(), job.compiled.plan, job.remedy)
        if refusal is not None:
            raise refusal
    except DoesNotFit as e:
        e.result = value  # the figures say what would have to change
        raise
    console.result(value)


def _writable(path: Path) -> None:
    """Says so before a long search where the report can not be written after it."""
    if path.is_dir():
        raise UsageError(str(path), "is a folder", "give the name of a file")
    if not path.parent.is_dir():
        raise UsageError(str(path), "is in a folder that does not exist", "make the folder first")


def _measure(args: argparse.Namespace, job: Job, console: Console) -> tuple[Measured | None, DoesNotFit | None]:
    """Code and static RAM where they can be known, and why not where the image is too large to link: the report and the
    front are worth having even so."""
    if args.no_compile:
        return None, None
    try:
        return measure(job, console), None
    except DoesNotFit as e:
        return None, e


def _front(args: argparse.Namespace, job: Job, report: PlanReport, console: Console) -> tuple[FrontPoint, ...]:
    graph = run_passes(job.compiled.source)
    with console.progress(f"{job.path.name}: front") as progress:
        goal = Goal(max_overhead=args.max_overhead, push_rows=args.input_mode == "rows", patches=args.patches)
        found = front(graph, Target(job.board.isa, args.optimize), Deadline(progress, args.plan_time), goal)
    return front_points(found, job.compiled.plan, graph, report.macs.model, arena_room(report))


COMMAND = Command("plan", 20, "show what a model needs on a board, and why", arguments, run)

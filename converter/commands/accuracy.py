"""`tinyml verify --metric top1`: the generated C of one or several models over a whole labelled set, side by side."""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path

import numpy as np

from tinyml.board import load_board
from tinyml.commands.common import Console, Job, load_job
from tinyml.commands.firmware import build_in
from tinyml.config import load_config
from tinyml.device.parallel import FAST, run_all
from tinyml.errors import UsageError
from tinyml.report.accuracy import Accuracy, accuracy_lines, kind_of
from tinyml.samples import Samples, load_samples


def add_metric(p: argparse.ArgumentParser) -> None:
    p.add_argument("--metric", choices=["top1"], help="accuracy over all of --data, which has labels, instead of a comparison with LiteRT")
    p.add_argument(
        "--beside",
        metavar="MODEL",
        action="append",
        default=[],
        help="with --metric: another model of the same task (float32, int8); repeatable",
    )


def run_metric(args: argparse.Namespace, console: Console) -> None:
    path = args.data or load_config(Path.cwd()).data
    if not path:
        raise UsageError("--metric", "no labelled data given", "name an .npz file with --data")
    if (args.on or "host") != "host" or args.port is not None or args.layers:
        raise UsageError("--metric", "runs on this computer", "leave out --on, --port and --layers")
    rows = []
    for model in [*args.beside, args.model]:
        one = copy.copy(args)
        one.model = model
        rows.append(measure(one, Path(path), console))
    for line in accuracy_lines(rows):
        console.print(line)
    console.result({"metric": args.metric, "data": str(path), "models": [row.to_json() for row in rows]})


def measure(args: argparse.Namespace, data: Path, console: Console) -> Accuracy:
    job = load_job(args, console, on_host=True)
    samples = load_samples(data, job.compiled.plan.graph, args.float, args.samples)
    labels = samples.labels
    if labels is None:
        raise UsageError(str(data), "has no array `labels`", "add one class per sample")
    answers, seconds = classes(job, samples, console)
    compiled = job.compiled
    return Accuracy(
        job.path.name, kind_of(compiled.source), len(samples.inputs), int((answers == labels).sum()), seconds,
        compiled.plan.total_bytes, compiled.project.weights_bytes,
    )  # fmt: skip


def classes(job: Job, samples: Samples, console: Console) -> tuple[np.ndarray, float]:
    """Index of the largest value of output 0, per sample, and the seconds that it took."""
    host = load_board("host")
    with tempfile.TemporaryDirectory(prefix="tinyml-") as tmp, console.progress(f"{job.path.name} on host") as progress:
        progress("compiling")
        build = build_in(job, host, "device", Path(tmp), optimize=FAST)
        started = time.monotonic()
        total = len(samples.inputs)
        outputs = run_all(host, build, samples.inputs, lambda done: progress(f"classifying ({done} of {total})"))
        return np.array([int(np.argmax(y[0])) for y in outputs]), time.monotonic() - started

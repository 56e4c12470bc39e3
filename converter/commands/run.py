"""`tinyml run`: inference on samples from a file, on the host, an emulator or a board."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinyml.commands.common import Command, Console, add_model, load_job
from tinyml.commands.target import add_target, open_session, place
from tinyml.device.files import write_npy
from tinyml.errors import UsageError
from tinyml.samples import load_samples


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    add_target(p, default="host")
    p.add_argument("--input", "-i", required=True, metavar="X.npy", help="N samples on the batch axis; .npz for several inputs")
    p.add_argument("--output", "-o", metavar="Y.npy", help="where the N outputs go (.npz for several outputs)")
    p.add_argument("--float", action="store_true", help="quantise float samples for an int8 input")


def run(args: argparse.Namespace, console: Console) -> None:
    job = load_job(args, console, on_host=place(args) == "host")
    graph = job.compiled.plan.graph
    if args.output and Path(args.output).suffix not in (".npy", ".npz"):
        raise UsageError(args.output, "is neither .npy nor .npz", "choose one of the two endings")
    if args.output and len(graph.outputs) > 1 and Path(args.output).suffix != ".npz":
        raise UsageError(args.output, f"the model has {len(graph.outputs)} outputs", "give a .npz file")
    samples = load_samples(Path(args.input), graph, args.float)
    columns: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    with open_session(job, args, console, "run") as target:
        for k, sample in enumerate(samples.inputs):
            target.progress(f"running ({k + 1} of {len(samples.inputs)})")
            for column, y in zip(columns, target.session.run(sample), strict=True):
                column.append(y)
        note, on = target.note, target.on
    outputs = [np.concatenate([y.reshape(graph.io_output(k).shape) for y in c]) for k, c in enumerate(columns)]
    if args.output:
        write_npy(Path(args.output), outputs)
    console.print(f"{job.path.name} on {note}: {len(samples.inputs)} samples")
    for k, y in enumerate(outputs):
        console.print(
            f"output {k}: {y.dtype} {y.shape}" + (f", largest at {np.argmax(y.reshape(len(samples.inputs), -1), 1)[:20].tolist()}")
        )
    console.result(
        {
            "on": on, "target": note, "samples": len(samples.inputs), "output": args.output,
            "outputs": [{"shape": y.shape, "dtype": str(y.dtype)} for y in outputs],
        }
    )  # fmt: skip


COMMAND = Command("run", 30, "run samples from a file", arguments, run)

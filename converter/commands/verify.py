"""`tinyml verify`: the generated C against LiteRT's reference kernels, element by element; or, with --metric, its accuracy."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinyml.commands.accuracy import add_metric, run_metric
from tinyml.commands.common import Command, Console, Job, add_model, load_job
from tinyml.commands.target import add_target, open_session, place
from tinyml.config import load_config
from tinyml.device.session import Session
from tinyml.errors import Mismatch, UsageError
from tinyml.ir import DType, Tensor, hwc
from tinyml.packing import unpack
from tinyml.report.compare import Comparison
from tinyml.samples import Samples, load_samples, random_samples
from tinyml.witness import Reference, Witness, choose_witness


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    add_target(p, default="host")
    p.add_argument("--data", metavar="F.npz", help="samples (and `labels`) to use; default: random ones")
    p.add_argument("--samples", type=int, metavar="N", help="number of samples (default 20 random, or all of --data)")
    p.add_argument("--seed", type=int, default=0, help="seed of the random samples")
    p.add_argument("--float", action="store_true", help="quantise float samples for an int8 input")
    p.add_argument("--layers", action="store_true", help="compare every intermediate tensor too")
    add_metric(p)


def choose_samples(args: argparse.Namespace, job: Job) -> Samples:
    graph = job.compiled.plan.graph
    if args.samples is not None and args.samples < 1:
        raise UsageError("--samples", f"{args.samples} is not a positive number", "give at least 1")
    data = args.data or (load_config(Path.cwd()).data if args.samples is None else None)
    if data:
        return load_samples(Path(data), graph, args.float, args.samples)
    return random_samples(graph, args.samples or 20, args.seed)


def run(args: argparse.Namespace, console: Console) -> None:
    if args.beside and args.metric is None:
        raise UsageError("--beside", "is for --metric", "add --metric top1")
    if args.metric is not None:
        run_metric(args, console)
        return
    job = load_job(args, console, on_host=place(args) == "host")
    samples = choose_samples(args, job)
    witness = choose_witness(job.compiled.model_bytes, job.path.name, job.compiled.source, args.layers)
    with open_session(job, args, console, "verify") as target:
        result = compare(job, target.session, witness, samples, args.layers, target.progress)
        note, on = target.note, target.on
    console.print(summary(job, result, on, witness.title, note))
    console.result({**result.to_json(on), "target": note, "witness": witness.package, "model_hash": job.compiled.project.model_hash})
    if result.mismatches:
        f = result.first
        raise Mismatch(
            job.path.name, f"{result.mismatches:,} of {result.elements:,} elements differ on {on}; first: {f}",
            "run with --layers to find the first operator that differs",
        )  # fmt: skip


def compare(job: Job, session: Session, witness: Witness | Reference, samples: Samples, layers: bool, progress) -> Comparison:
    graph = job.compiled.plan.graph
    out = Comparison()
    ours_top, theirs_top = [], []
    for k, sample in enumerate(samples.inputs):
        progress(f"comparing with LiteRT ({k + 1} of {len(samples.inputs)})")
        names = _layer_ids(job, session) if layers else ()
        theirs = witness.run(sample, names)
        if layers:
            for t, y in session.run_layers(sample).items():
                if t not in theirs.tensors:  # made by a pass, for instance with fewer channels
                    continue
                tensor = graph.tensors[t]
                node = graph.nodes[graph.producer[t]]
                out.tensors.add(t)
                what = {"tensor": t, "operator": node.index, "op": node.op}
                out.add(k, what, _values(y, tensor), theirs.tensors[t], tensor.dtype is not DType.FLOAT32)
        ours = session.run(sample)
        for i, (y, e) in enumerate(zip(ours, theirs.outputs, strict=True)):
            exact = graph.tensors[graph.outputs[i]].dtype is not DType.FLOAT32
            out.add(k, {"output": i}, y.reshape(e.shape), e, exact)
        ours_top.append(int(np.argmax(ours[0])))
        theirs_top.append(int(np.argmax(theirs.outputs[0])))
        out.samples += 1
    out.add_labels(ours_top, theirs_top, samples.labels)
    return out


def _values(y: np.ndarray, t: Tensor) -> np.ndarray:
    """What a firmware gave of a tensor in the arena: bytes, where it is packed."""
    return (unpack(y.reshape(t.stored), t.dtype, hwc(t.shape)[2]) if t.dtype.packed else y).reshape(t.shape)


def _layer_ids(job: Job, session: Session) -> tuple[int, ...]:
    """Tensors of the model file that also exist in the arena (what passes merged away has no counterpart)."""
    source = job.compiled.source
    return tuple(t for t in session.layer_ids() if t in source.producer)


def summary(job: Job, r: Comparison, on: str, witness: str, note: str) -> str:
    verdict = "all equal" if r.mismatches == 0 else f"{r.mismatches:,} MISMATCHES"
    what = f"{r.samples} samples, {r.elements:,} elements" + (f", {len(r.tensors)} tensors" if r.tensors else "")
    lines = [f"{job.path.name} on {note}: {what} against {witness}: {verdict}"]
    if r.max_abs_diff:
        lines.append(f"largest absolute difference {r.max_abs_diff:.3g}")
    if r.correct is not None:
        lines.append(
            f"top-1 {100 * r.correct / r.samples:.1f} % ({r.correct} of {r.samples}); LiteRT {r.correct_witness}; "
            f"same answer in {r.agree} of {r.samples}"
        )
    return "\n".join(lines)


COMMAND = Command("verify", 40, "compare with LiteRT's reference kernels", arguments, run)

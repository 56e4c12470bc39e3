"""`tinyml quantize`: a float network and a few samples in, a quantised network out that `build` takes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tinyml.commands.common import Command, Console, read_model
from tinyml.config import load_config
from tinyml.device.files import write_bytes
from tinyml.errors import UsageError
from tinyml.exporters.tflite import write_tflite
from tinyml.importers import import_model
from tinyml.quantize.calibration import Calibration, load_calibration
from tinyml.quantize.keras import float_tflite, is_keras
from tinyml.quantize.network import Network, load_network
from tinyml.quantize.quantise import quantise
from tinyml.quantize.score import Score, score


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", nargs="?", metavar="MODEL", help="float32 model (.tflite; .keras or a SavedModel folder with TensorFlow)")
    p.add_argument("--data", metavar="F.npz", help="calibration samples in `inputs` (or the first array that fits), classes in `labels`")
    p.add_argument("--output", "-o", required=True, metavar="OUT", help="the quantised model (.tflite)")
    p.add_argument(
        "--metric", choices=["top1", "error"], default="top1", help="what is reported: top-1 (needs labels), or the output's error"
    )
    p.add_argument("--float-io", action="store_true", help="inputs and outputs stay float32, converted inside")
    p.add_argument("--seed", type=int, default=0, help="of the pixels that rounding looks at; the same seed gives the same file")


def run(args: argparse.Namespace, console: Console) -> None:
    started, out = time.monotonic(), Path(args.output)
    if out.suffix != ".tflite":
        raise UsageError(args.output, "does not end in .tflite", "choose another -o")
    name, network = read_network(args)
    data = read_data(args, network)
    with console.progress(f"quantize {name}") as progress:
        recipe, made = quantise(network, data, seed=args.seed, float_io=args.float_io, progress=progress)
        content = write_tflite(made.graph, made.options)
        import_model(content, out.name)  # whatever is wrong with it is found here, and not by `build`
        progress("measuring")
        before, after = score(recipe, data)
    write_bytes(out, content)
    islands = [f"{n.index} {n.op}" for n in recipe.prepared.graph.nodes if n.index not in recipe.prepared.quantised]
    console.print(f"{name} -> {out} ({len(content):,} B), {len(data)} samples, {time.monotonic() - started:.0f} s")
    console.print(text(before, after))
    if islands:
        console.print(f"float32 islands: {', '.join(islands)}")
    console.result(
        {
            "model": name, "output": str(out), "bytes": len(content), "samples": len(data), "seed": args.seed,
            "float": before.to_json(), "int8": after.to_json(), "float_islands": islands,
        }
    )  # fmt: skip


def read_network(args: argparse.Namespace) -> tuple[str, Network]:
    path = args.model or load_config(Path.cwd()).model
    if not path:
        raise UsageError("MODEL", "no model file given", "name one, or set `model` in tinyml.toml")
    content = float_tflite(Path(path)) if is_keras(Path(path)) else read_model(Path(path))
    return Path(path).name, load_network(content, Path(path).stem)


def read_data(args: argparse.Namespace, network: Network) -> Calibration:
    path = args.data or load_config(Path.cwd()).data
    if not path:
        raise UsageError("--data", "no calibration data given", "name an .npz file with samples and labels")
    return load_calibration(Path(path), network.graph, args.metric == "top1")


def text(before: Score, after: Score) -> str:
    error = f"output error {100 * after.error:.2f} % of the outputs' variance"
    if before.correct is None or after.correct is None:
        return error
    share = [f"{100 * s.correct / s.samples:.1f} %" for s in (before, after) if s.correct is not None]
    return f"on the calibration samples: top-1 {share[0]} float, {share[1]} quantised; {error}"


COMMAND = Command("quantize", 55, "a float network to int8, from samples", arguments, run)

"""`tinyml quantize`: a float network and a few samples in, a quantised network out that `build` takes."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from tinyml.commands.common import Command, Console, read_model
from tinyml.commands.quantize_pace import Pace
from tinyml.commands.quantize_patches import add_patches, put_in_patches
from tinyml.commands.quantize_widths import Wanted, Workshop, add_budgets, share, wanted
from tinyml.config import load_config
from tinyml.device.files import write_bytes, write_text
from tinyml.errors import DoesNotFit, UsageError
from tinyml.quantize.budget import Limits, Made, best_within, explore, fits
from tinyml.quantize.calibration import Calibration, load_calibration
from tinyml.quantize.equalise_choice import quantise_either
from tinyml.quantize.keras import float_tflite, is_keras
from tinyml.quantize.network import Network, load_network
from tinyml.quantize.quantise import quantise
from tinyml.quantize.relieve import Relief, relieved
from tinyml.quantize.score import Score, score
from tinyml.report.width_front import WidthPoint, front_lines, width_svg

SUFFIXES = (".tflite", ".tml")


def arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("model", nargs="?", metavar="MODEL", help="float32 model (.tflite; .keras or a SavedModel folder with TensorFlow)")
    p.add_argument("--data", metavar="F.npz", help="calibration samples in `inputs` (or the first array that fits), classes in `labels`")
    p.add_argument(
        "--output", "-o", required=True, metavar="OUT", help="the quantised model: .tflite, or .tml for activations below 8 bits"
    )
    p.add_argument(
        "--metric", choices=["top1", "error"], default="top1", help="what is reported: top-1 (needs labels), or the output's error"
    )
    p.add_argument(
        "--activations", choices=["int8", "int16"], default="int8",
        help="int16: activations of 16 bits with weights of 8, for what int8 is too coarse for"
    )  # fmt: skip
    p.add_argument(
        "--tolerance", type=share, metavar="P%", help="most error of the output, as a share of its variance: operators that int8 is too "
        "coarse for get activations of 16 bits, or stay float32"
    )  # fmt: skip
    p.add_argument("--float-io", action="store_true", help="inputs and outputs stay float32, converted inside")
    p.add_argument("--seed", type=int, default=0, help="of the pixels that rounding looks at; the same seed gives the same file")
    add_budgets(p)
    add_patches(p)


def run(args: argparse.Namespace, console: Console) -> None:
    started, out = time.monotonic(), Path(args.output)
    if out.suffix not in SUFFIXES:
        raise UsageError(args.output, f"does not end in {' or '.join(SUFFIXES)}", "choose another -o")
    asked = wanted(args, console)
    if args.activations == "int16" and (asked.searches or args.patches):
        raise UsageError("--activations int16", "leaves no widths to choose", "leave out budgets and patches, or --activations")
    if args.tolerance is not None and (args.activations == "int16" or asked.front or args.patches):
        other = "--patches" if args.patches else "--front" if asked.front else "--activations int16"
        raise UsageError("--tolerance", f"chooses widths by itself and does not go with {other}", "leave out one of them")
    name, network = read_network(args)
    data = read_data(args, network)
    # a front is compared on samples that nothing was fitted to: every fourth
    held = np.arange(len(data)) % 4 == 3 if asked.front else np.zeros(len(data), bool)
    shop = Workshop(args, out, asked, data.take(held) if asked.front else None)
    points: list[WidthPoint] = []
    pace: Pace | None = None  # the int8 network's
    # several threads add in another order each time, and one choice among near equals leads to another network
    with threadpool_limits(1, "blas"), console.progress(f"quantize {name}") as progress:
        some, equalised = data.take(~held), None
        if args.activations == "int8":
            recipe, equalised = quantise_either(network, some, args.seed, args.float_io, progress)
            network = recipe.prepared.network
        else:
            recipe, _ = quantise(network, some, seed=args.seed, float_io=args.float_io, progress=progress, dtype=args.activations)
        eight = made = shop.make(recipe)
        if asked.timed:
            progress("counting")
            pace = shop.pace_of(eight)
        isa = asked.board.isa if asked.timed and asked.board else None
        if args.tolerance is not None:
            relief = Relief(network, data, eight, args.seed, args.float_io, out.suffix == ".tflite", isa, shop.make, progress)
            made = relieved(relief, asked.limits(eight, pace), args.tolerance)
        elif asked.searches:
            search = explore(recipe.prepared, eight, out.suffix == ".tflite", args.seed, progress, isa)
            made, choice = best_within(search, asked.limits(eight, pace), shop.make, progress)
            if asked.front:
                points = shop.front(search, made, choice, progress)
        patches = None
        if args.patches:
            patches = put_in_patches(args, made.recipe, some, args.bitops, shop.arena, progress)
            made = shop.made(made.recipe, patches.network, made.bitops)
            if not fits(made, Limits(instructions=asked.limits(eight, pace).instructions)):
                raise DoesNotFit(
                    name, f"patches take {made.instructions:,} instructions", "raise the budget, or leave out --patches", stage="quantize"
                )
        progress("measuring")
        before, after = score(made.recipe, data) if patches is None else patches.score(data)
    write_bytes(out, made.content)
    if args.plot:
        write_text(Path(args.plot), width_svg(points))
    prepared = made.recipe.prepared
    islands = [f"{n.index} {n.op}" for n in prepared.graph.nodes if n.index not in prepared.quantised]
    wide = [f"{n.index} {n.op}" for n in prepared.graph.nodes if n.index in made.recipe.wide]
    say(console, name, out, made, eight, (before, after), asked, points)
    if pace is not None:
        console.print(speed_line(pace, made, eight))
    if equalised is not None:
        console.print(equalised.line())
    for line in patches.lines() if patches else ():
        console.print(line)
    console.print(f"{len(data)} samples, {time.monotonic() - started:.0f} s")
    if wide and len(wide) < len(prepared.graph.nodes):
        console.print(f"on 16-bit activations: {', '.join(wide)}")
    if islands:
        console.print(f"float32 islands: {', '.join(islands)}")
    console.result(
        {
            "model": name, "output": str(out), "bytes": len(made.content), "samples": len(data), "seed": args.seed,
            "float": before.to_json(), "quantised": after.to_json(), "float_islands": islands, "int16": wide,
            "arena": made.arena, "weights": made.weights, "bitops": made.bitops,
            "instructions": made.instructions, "instructions_counted": pace.counted if pace else None,
            "latency_ms_estimate": latency(pace, made),
            "int8": {
                "arena": eight.arena, "weights": eight.weights, "bitops": eight.bitops,
                "instructions": eight.instructions, "latency_ms_estimate": latency(pace, eight),
            },
            "equalised": equalised.to_json() if equalised else None, "widths": shop.widths(made), "front": [p.to_json() for p in points],
            "patches": patches.to_json() if patches else None,
        }
    )  # fmt: skip


def say(console: Console, name: str, out: Path, made: Made, eight: Made, scores: tuple[Score, Score], asked: Wanted, points) -> None:
    for line in front_lines(points) if points else ():
        console.print(line)
    console.print(f"{name} -> {out} ({len(made.content):,} B): arena {made.arena:,}, weights {made.weights:,}")
    if asked.searches:
        pairs = (
            (made.arena, eight.arena, "arena"),
            (made.weights, eight.weights, "weights"),
            (made.bitops, eight.bitops, "bit operations"),
        )
        console.print("of the int8 network's: " + ", ".join(f"{what} {100 * a / max(1, b):.1f} %" for a, b, what in pairs))
    before, after = scores
    error = f"output error {100 * after.error:.2f} % of the outputs' variance"
    if before.correct is not None and after.correct is not None:
        share = [f"{100 * n / before.samples:.1f} %" for n in (before.correct, after.correct)]
        error = f"top-1 {share[0]} float, {share[1]} quantised; {error}"
    console.print(f"on the calibration samples: {error}")


def latency(pace: Pace | None, made: Made) -> float | None:
    return None if pace is None or made.instructions is None else pace.latency_ms(made.instructions)


def speed_line(pace: Pace, made: Made, eight: Made) -> str:
    how = "counted on the emulated board" if pace.counted else "estimated from the kernels"
    rest = f"{pace.per_instruction:.2f} cycles each" if pace.cycles else "one cycle each, for want of a timing model"
    return (
        f"instructions {made.instructions:,} ({how}; int8 {eight.instructions:,}); latency about {latency(pace, made):.3f} ms at "
        f"{pace.clock_hz / 1e6:g} MHz, an estimate ({rest})"
    )


def read_network(args: argparse.Namespace) -> tuple[str, Network]:
    path = args.model or load_config(Path.cwd()).model
    if not path:
        raise UsageError("MODEL", "no model file given", "name one, or set `model` in tinyml.toml")
    content = float_tflite(Path(path)) if is_keras(Path(path)) else read_model(Path(path))
    network = load_network(content, Path(path).stem)
    return Path(path).name, replace(network, graph=network.graph.with_(name=Path(path).stem))


def read_data(args: argparse.Namespace, network: Network) -> Calibration:
    path = args.data or load_config(Path.cwd()).data
    if not path:
        raise UsageError("--data", "no calibration data given", "name an .npz file with samples and labels")
    return load_calibration(Path(path), network.graph, args.metric == "top1")


COMMAND = Command("quantize", 55, "a float network to int8 or fewer bits, from samples", arguments, run)

"""The budgets of `tinyml quantize`, and what is made and measured within them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml.board import Board, load_board
from tinyml.commands.common import Console, Job, arena_budget, size
from tinyml.commands.quantize_pace import Pace, pace_of
from tinyml.config import load_config
from tinyml.errors import UsageError
from tinyml.exporters.tflite import write_tflite
from tinyml.importers import import_model
from tinyml.importers.container import write as write_container
from tinyml.pipeline import Compiled, compile_model
from tinyml.plan.planner import Goal
from tinyml.quantize.budget import Limits, Made, Search
from tinyml.quantize.calibration import Calibration
from tinyml.quantize.layers import load_layers
from tinyml.quantize.network import Network
from tinyml.quantize.offers import Candidate
from tinyml.quantize.quantise import Recipe, choose
from tinyml.quantize.score import score
from tinyml.report.width_front import WidthPoint
from tinyml.work import graph_bitops

CODE_BYTES = 28_000  # of flash that a firmware takes beside its weights, about: `build` measures it
FRONT = 8  # networks that a front shows at most
Amount = int | float  # bytes, or a share of what the int8 network takes


def amount(text: str) -> Amount:
    """Bytes (suffix k or M), or a share such as 55%."""
    if not text.endswith("%"):
        return size(text)
    return share(text)


def count(text: str) -> Amount:
    """A number (suffix k or M, thousands and millions), or a share such as 110%."""
    factor = {"k": 1000, "M": 1_000_000}.get(text[-1:], 1)
    if text.endswith("%"):
        return share(text, most=10.0)
    digits = text[:-1] if factor != 1 else text
    if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of instructions, such as 900k or 12M")
    return int(digits) * factor


def milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds")
    return value


def share(text: str, most: float = 1.0) -> float:
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = 0.0
    if not text.endswith("%") or not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 50%")
    return value


def add_budgets(p: argparse.ArgumentParser) -> None:
    p.add_argument("--board", "-b", metavar="B", help="the board that the network has to fit; then widths below 8 bits are searched for")
    p.add_argument("--ram", type=amount, metavar="N", help="RAM budget in bytes (suffix k or M), or a share of the int8 arena such as 50%%")
    p.add_argument("--flash", type=amount, metavar="N", help="flash budget in bytes, or a share of the int8 weights such as 55%%")
    p.add_argument("--bitops", type=share, metavar="P%", help="bit operations as a share of the int8 network's, such as 50%%")
    p.add_argument(
        "--instructions", type=count, metavar="N", help="instructions of one inference on --board, or a share of the int8 network's"
    )
    p.add_argument(
        "--latency", type=milliseconds, metavar="MS", help="one inference on --board, in milliseconds as estimated from its core and clock"
    )
    p.add_argument("--front", action="store_true", help="also show what other widths cost and get right, on every fourth sample")
    p.add_argument("--plot", metavar="F.svg", help="draw the front")


@dataclass(frozen=True)
class Wanted:
    """What the options ask for. board: None where none is named. searches: whether anything but int8 may be the answer."""

    board: Board | None
    ram: Amount | None
    flash: Amount | None
    bitops: float | None
    instructions: Amount | None
    latency_ms: float | None
    front: bool

    @property
    def searches(self) -> bool:
        return self.front or any(x is not None for x in (self.board, self.ram, self.flash, self.bitops, self.instructions, self.latency_ms))

    @property
    def arena_room(self) -> int | None:
        """Bytes for the arena where the budget is in bytes."""
        if self.board is not None and not isinstance(self.ram, float):
            return arena_budget(self.board, self.ram)
        return self.ram if isinstance(self.ram, int) else None

    @property
    def timed(self) -> bool:
        """Whether instructions are a budget."""
        return self.instructions is not None or self.latency_ms is not None

    def limits(self, eight: Made, pace: Pace | None) -> Limits:
        arena = int(eight.arena * self.ram) if isinstance(self.ram, float) else self.arena_room
        flash = self.flash if self.flash is not None else (self.board.flash_bytes if self.board else None)
        weights = int(eight.weights * flash) if isinstance(flash, float) else None if flash is None else max(0, flash - CODE_BYTES)
        bitops = None if self.bitops is None else int(eight.bitops * self.bitops)
        most = [] if self.latency_ms is None or pace is None else [pace.instructions_in(self.latency_ms)]
        if self.instructions is not None:
            most.append(int((eight.instructions or 0) * self.instructions) if isinstance(self.instructions, float) else self.instructions)
        return Limits(arena, weights, bitops, min(most, default=None))


def wanted(args: argparse.Namespace, console: Console) -> Wanted:
    config = load_config(Path.cwd())
    given = any(x is not None for x in (args.ram, args.flash, args.instructions, args.latency)) or args.front
    name = args.board or (config.board if given else None)
    board = load_board(name) if name else None
    if board is None and (args.instructions is not None or args.latency is not None):
        option = "--instructions" if args.instructions is not None else "--latency"
        raise UsageError(option, "instructions are a board's", "name one with --board, see `tinyml boards`")
    # bit operations of a network in patches are those that its patches are chosen by
    return Wanted(
        board, args.ram, args.flash, None if args.patches else args.bitops, args.instructions, args.latency, args.front or bool(args.plot)
    )


@dataclass(frozen=True)
class Workshop:
    """Turns recipes into files and figures. held: samples that nothing is fitted to, for the front."""

    args: argparse.Namespace
    out: Path
    asked: Wanted
    held: Calibration | None

    @property
    def _board(self) -> Board:
        return self.asked.board or load_board("host")

    def make(self, recipe: Recipe) -> Made:
        """The file, read again as `build` will read it, and planned for the board."""
        network = recipe.network(self.args.float_io)
        return self.made(recipe, network, graph_bitops(network.graph))

    def made(self, recipe: Recipe, network: Network, bitops: int) -> Made:
        """The same of a network that has been made of the recipe."""
        content = write_tflite(network.graph, network.options) if self.out.suffix == ".tflite" else write_container(network.graph)
        import_model(content, self.out.name)  # whatever is wrong with it is found here, and not by `build`
        compiled = self._compiled(content)
        instructions = self.pace(compiled).instructions if self.asked.timed else None
        return Made(recipe, network, content, compiled.plan.arena_bytes, compiled.project.weights_bytes, bitops, instructions)

    def pace(self, compiled: Compiled, cycles: bool = False) -> Pace:
        """What one inference takes on the board."""
        return pace_of(Job(self.out, self._board, compiled, None, None), cycles)

    def pace_of(self, made: Made) -> Pace:
        """The same, with cycles where they can be estimated."""
        return self.pace(self._compiled(made.content), True)

    def arena(self, network: Network) -> int:
        """Bytes that a network on integers takes, operator by operator."""
        return self._compiled(write_container(network.graph)).plan.arena_bytes

    def _compiled(self, content: bytes) -> Compiled:
        return compile_model(content, self.out.name, self._board.isa, goal=Goal(arena_bytes=self.asked.arena_room))

    def widths(self, made: Made) -> list[dict[str, Any]]:
        """Per layer: bits of weights, of its input and of its output."""
        graph, grids = made.recipe.prepared.graph, made.recipe.grids
        rows = []
        for node in graph.nodes:
            if node.index in made.recipe.weights:
                x, _, _ = load_layers()[node.op].tensors(graph.view(node))
                bits = made.recipe.weights[node.index].bits, grids[x.id].bits, grids[node.outputs[0]].bits
                rows.append({"index": node.index, "op": node.op, **dict(zip(("weights", "input", "output"), bits, strict=True))})
        return rows

    def front(self, search: Search, chosen: Made, choice: Candidate, progress: Callable[[str], None]) -> list[WidthPoint]:
        """Measured on the samples that are held out, best first."""
        candidates = search.front(FRONT)
        points = []
        for k, c in enumerate([choice, *(c for c in candidates if c.figures != choice.figures)]):
            progress(f"front ({k + 1} of at most {len(candidates) + 1})")
            made = chosen if k == 0 else self.make(choose(search.prepared, c.widths, search.seed))
            points.append(self._point(made, c.error, k == 0))
        return sorted(points, key=lambda p: (-(p.top1 or 0), p.error))

    def _point(self, made: Made, predicted: float, chosen: bool) -> WidthPoint:
        assert self.held is not None
        _, after = score(made.recipe, self.held)
        top1 = None if after.correct is None else 100 * after.correct / after.samples
        pace = None if self.asked.board is None else self.pace(self._compiled(made.content))
        return WidthPoint(
            short(made.recipe), after.error, predicted, top1, made.arena, made.weights, made.bitops,
            None if pace is None else pace.instructions, chosen, pace is not None and not pace.counted,
        )  # fmt: skip


def short(recipe: Recipe) -> str:
    """Bits of all layers' weights, and of all groups of activations that have a choice."""
    weights = "".join(str(made.bits) for made in recipe.weights.values())
    return f"w {weights}  a {''.join(str(recipe.grids[g].bits) for g in recipe.prepared.free_groups)}"

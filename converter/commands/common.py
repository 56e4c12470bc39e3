"""What the commands share: the console, options, loading a model for a board, building its firmware."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole

from tinyml.board import Board, load_board
from tinyml.config import load_config
from tinyml.device.tools import default_board
from tinyml.emit.weights import FlashRoom
from tinyml.errors import UsageError
from tinyml.ir import Graph
from tinyml.passes import run_passes
from tinyml.pipeline import Compiled, compile_model
from tinyml.plan.model import Target
from tinyml.plan.other_goals import smallest_change
from tinyml.plan.place_banks import Room
from tinyml.plan.planner import Goal
from tinyml.plan.tile_search import Patches

MAX_MODEL_BYTES = 512 << 20
MAX_GRID = 64  # rows or columns of patches
OPTIMIZE = (
    "ram: the smallest arena; else the fastest plan that fits, with fast kernels (latency), small ones (flash, and a firmware without "
    "the text commands of the MLPerf Tiny runner) or both (balanced, default)"
)
CODE_BYTES = 64 << 10  # of the main flash that stay free for the program where weights may also lie elsewhere
RUNTIME_BYTES = 1536  # of static data that a firmware needs beside its arena and two frames, about


@dataclass(frozen=True)
class Command:
    name: str
    rank: int
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console], int | None]


class Console:
    """Text goes to stdout, or to stderr with --json; progress always to stderr, and only on a terminal."""

    def __init__(self, as_json: bool):
        self.json = as_json
        self.text = RichConsole(stderr=as_json, highlight=False, soft_wrap=True)
        self.err = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def print(self, *args: Any, **kwargs: Any) -> None:
        self.text.print(*args, markup=False, **kwargs)

    def result(self, value: dict[str, Any] | list[Any]) -> None:
        if self.json:
            json.dump(value, sys.stdout, indent=2)
            print(flush=True)

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[str], None]]:
        """A spinner that names the current stage; a line per stage where stderr is no terminal."""
        if not self.err.is_terminal:
            last: list[str] = []

            def say(text: str) -> None:
                stage = text.split(" (")[0]
                if last != [stage]:  # a counter in brackets changes too often for a log
                    last[:] = [stage]
                    print(f"tinyml: {title}: {stage}", file=sys.stderr, flush=True)

            yield say
            return
        with self.err.status(title, spinner="line") as status:
            yield lambda text: status.update(f"{title}: {text}")


def add_model(p: argparse.ArgumentParser) -> None:
    """The model, the board and what its plan is to be: the same options for every command, so that all mean one firmware."""
    p.add_argument("model", nargs="?", metavar="MODEL", help="model file (.tflite or .tml); default: from tinyml.toml")
    p.add_argument("--board", "-b", metavar="B", help="board name, see `tinyml boards`; default: from tinyml.toml")
    p.add_argument("--ram", type=size, metavar="N", help="RAM budget in bytes (suffix k or M); default: the board's")
    p.add_argument("--flash", type=size, metavar="N", help="flash budget in bytes; default: the board's")
    p.add_argument("--optimize", choices=["ram", "flash", "balanced", "latency"], default="balanced", help=OPTIMIZE)
    p.add_argument("--max-overhead", type=overhead, default=1.10, metavar="F", help="most multiply-accumulates, as a factor")
    p.add_argument("--input-mode", choices=["whole", "rows"], default="whole", help="resident input, or pushed row by row")
    p.add_argument("--patches", type=patches, metavar="RxC[:K]", help="the first operators, through operator K, in a grid of patches")
    p.add_argument("--plan-time", type=seconds, metavar="S", help="end the planner's search after S seconds, with the best plan so far")
    p.add_argument("--dump-after", metavar="PASS", help="print the graph after this pass")


def size(text: str) -> int:
    factor = {"k": 1000, "K": 1024, "M": 1 << 20}.get(text[-1:], 1)
    digits = text[:-1] if factor != 1 else text
    if not digits.isascii() or not digits.isdigit() or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of bytes")
    return int(digits) * factor


def overhead(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1.0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor of at least 1.0")
    return value


def grid(text: str) -> tuple[int, int]:
    """ROWSxCOLUMNS."""
    numbers = text.lower().split("x")
    if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and len(n) < 6 and 1 <= int(n) <= MAX_GRID for n in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} is not a grid such as 2x2, of 1 to {MAX_GRID} rows and columns")
    return int(numbers[0]), int(numbers[1])


def patches(text: str) -> Patches:
    """ROWSxCOLUMNS or ROWSxCOLUMNS:OPERATOR."""
    size, colon, through = text.partition(":")
    if colon and not (through.isascii() and through.isdigit() and len(through) < 6):
        raise argparse.ArgumentTypeError(f"{text!r} is not ROWSxCOLUMNS or ROWSxCOLUMNS:OPERATOR")
    return Patches(*grid(size), int(through) if colon else None)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


class Deadline:
    """Hands on what the search is doing and tells it when its time is over (None: never). cut: it has been told so."""

    def __init__(self, say: Callable[[str], None], limit_s: float | None):
        self.say, self.cut = say, False
        self.end = None if limit_s is None else time.monotonic() + limit_s

    def __call__(self, text: str) -> bool:
        self.say(text)
        self.cut = self.cut or (self.end is not None and time.monotonic() >= self.end)
        return self.cut


@dataclass(frozen=True, eq=False)
class Job:
    """A model compiled for a board, with the settings in force."""

    path: Path
    board: Board
    compiled: Compiled
    ram: int | None
    flash: int | None
    remedy: Callable[[int], str] = lambda room: ""  # see report/fit.py


def load_job(args: argparse.Namespace, console: Console, on_host: bool = False) -> Job:
    """Reads options, tinyml.toml and the model file; compiles the model for the board. on_host: with kernels that a process of
    this computer can run, instead of those for the board's instruction set."""
    config = load_config(Path.cwd())
    path = args.model or config.model
    if not path:
        raise UsageError("MODEL", "no model file given", "name one, or set `model` in tinyml.toml")
    board = choose_board(args.board or config.board, console)
    data = read_model(Path(path))
    wanted = getattr(args, "dump_after", None)
    with console.progress(Path(path).name) as progress:
        dump = dumper(wanted, console)
        isa = load_board("host").isa if on_host else board.isa
        ram = getattr(args, "ram", None) or config.ram
        flash = getattr(args, "flash", None) or config.flash
        budget, rooms = arena_budget(board, ram), arena_rooms(board, ram)
        goal = Goal(args.optimize, args.max_overhead, budget, args.input_mode == "rows", args.patches, rooms)
        deadline = Deadline(progress, getattr(args, "plan_time", None))
        compiled = compile_model(data, Path(path).stem, isa, deadline, dump, goal, weight_rooms(board, flash))
    if deadline.cut:
        console.err.print("tinyml: --plan-time ended the search; a longer one may find a smaller or faster plan", markup=False)
    if wanted and not dump.seen:
        raise UsageError("--dump-after", f"no pass is called {wanted!r}", f"passes: {', '.join(dump.names)}")
    return Job(Path(path), board, compiled, ram, flash, cache(partial(_remedy, compiled, isa, goal, console)))


def _remedy(compiled: Compiled, isa: frozenset[str], goal: Goal, console: Console, room: int) -> str:
    with console.progress("looking for a plan that fits") as progress:
        return smallest_change(run_passes(compiled.source), Target(isa, goal.optimize), goal, room, progress)


def arena_budget(board: Board, ram: int | None) -> int:
    """Bytes that a board's main RAM, or a budget, leaves for the arena: about, before anything is compiled."""
    most = ram or board.ram_bytes
    if len(board.usable_banks("ram")) > 1:
        most = min(most, board.ram_bytes)
    return max(0, most - board.stack_bytes - 2 * board.firmware.payload_bytes - RUNTIME_BYTES)


def arena_rooms(board: Board, ram: int | None) -> tuple[Room, ...]:
    """Where arenas may lie, the main RAM first; empty where there is no other bank. A budget counts for all banks together, and
    means the main RAM alone where that is large enough."""
    main, *others = board.usable_banks("ram")
    left = sum(b.size for b in others) if ram is None else max(0, ram - main.size)
    rooms = [Room("", arena_budget(board, ram), main.cycles)]
    for b in sorted(others, key=lambda b: b.cycles):
        if left:
            rooms.append(Room(b.name, min(b.size, left), b.cycles))
            left -= rooms[-1].size_bytes
    return tuple(rooms) if len(rooms) > 1 else ()


def weight_rooms(board: Board, flash: int | None) -> tuple[FlashRoom, ...]:
    """Where weights may lie, the fastest bank first; empty where the main flash is the only one. A budget counts for all together."""
    main, *others = board.usable_banks("flash")
    left = sum(b.size for b in others) if flash is None else max(0, flash - main.size)
    rooms = [(main.cycles, FlashRoom("", max(0, min(flash or main.size, main.size) - CODE_BYTES)))]
    for b in others:
        size = min(b.size, left)
        left -= size
        if size:
            rooms.append((b.cycles, FlashRoom(b.name, size)))
    return tuple(r for _, r in sorted(rooms, key=lambda r: r[0])) if len(rooms) > 1 else ()


def choose_board(name: str | None, console: Console) -> Board:
    if name:
        return load_board(name)
    board = default_board()
    why = "; no cross compiler is installed, see `tinyml doctor`" if board.is_host else ""
    console.err.print(f"tinyml: no --board given: using {board.name}{why}", markup=False)
    return board


def read_model(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UsageError(str(path), "is a folder", "give a model file")
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise UsageError(str(path), f"is larger than {MAX_MODEL_BYTES >> 20} MiB", "give a model for a microcontroller")
        return path.read_bytes()
    except OSError as e:
        raise UsageError(str(path), f"can not be read ({e.strerror})", "check the file name") from None


class dumper:
    """Prints the graph after one pass as JSON lines of its operators."""

    def __init__(self, wanted: str | None, console: Console):
        self.wanted, self.console, self.seen, self.names = wanted, console, False, []

    def __call__(self, name: str, graph: Graph) -> None:
        self.names.append(name)
        if name == self.wanted:
            self.seen = True
            for n in graph.nodes:
                shapes = ", ".join("x".join(map(str, graph.tensors[t].shape)) for t in n.outputs)
                self.console.print(f"{n.index:4d} {n.op:24s} {list(n.inputs)} -> {list(n.outputs)} [{shapes}] {n.attrs}")

"""Boards as data: boards/<name>/board.toml, parsed strictly into frozen dataclasses.

A board is known by its folder's name. Folders that begin with an underscore hold code that boards share.
"""

from __future__ import annotations

import tomllib
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from tinyml.errors import UsageError, printable
from tinyml.resources import boards_dir

FILE = "board.toml"
KINDS = ("flash", "ram")
FORMS = ("image", "process")
FRAMEWORKS = ("arduino",)
NAME_CHARS = 15  # of a board's name: what the firmware's identification has room for (docs/protocol.md)


@dataclass(frozen=True)
class Cpu:
    core: str
    isa: tuple[str, ...]  # features kernels may use: "thumb", "dsp", "fpu", "mve", "rv32imc", ...
    f_hz: int  # 0: not known (host)


@dataclass(frozen=True)
class Toolchain:
    """prefix: of gcc, as in arm-none-eabi-; compiler: what follows it. apt: Debian packages that bring it."""

    prefix: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    apt: tuple[str, ...]
    compiler: str = "gcc"

    @property
    def cc(self) -> str:
        return self.prefix + self.compiler


@dataclass(frozen=True)
class Bank:
    """A memory bank; origin and size in bytes.

    cycles: of the core that an access takes where no cache has the data, about: what the planner orders the banks by. speed
    says the same for people."""

    name: str
    kind: str  # "flash" or "ram"
    origin: int
    size: int
    speed: str
    cycles: int = 1


@dataclass(frozen=True)
class Firmware:
    """port: sources below boards/. form: "image" for a microcontroller, "process" of this computer.

    linker_script, entry: the template and first symbol of the images that are linked without a framework: the board's
    own, or that of the machine which stands in for it.
    """

    port: tuple[str, ...]
    stack_bytes: int
    payload_bytes: int  # TM_RUNNER_PAYLOAD
    form: str = "image"
    linker_script: str | None = None
    entry: str = "Reset_Handler"


@dataclass(frozen=True)
class ConsolePort:
    name: str
    baud: int
    usb_ids: tuple[str, ...]  # "0483:374b": how the board's serial port is recognised


@dataclass(frozen=True)
class Counter:
    name: str


@dataclass(frozen=True)
class PlatformIO:
    """framework: what starts the board, where its port does not do that itself: "arduino". openocd_board: as in
    `-f board/<it>.cfg`; its part of the image is written through it."""

    platform: str
    board: str
    upload_protocol: str
    upload_protocols: tuple[str, ...]
    framework: str | None = None
    openocd_board: str | None = None


@dataclass(frozen=True)
class Emulator:
    """The machine that runs the board's image, or stands in for the board.

    ticks_per_instruction: counter ticks per instruction as an exact fraction, with icount_shift.
    stand_in: empty where the very image of the board runs; else what is different, for the user.
    port, origins: sources and bank origins of the stand-in image; the banks' sizes stay the board's, but for those in
    `sizes`, of which the machine has less.
    """

    binary: str
    apt: tuple[str, ...]
    machine: str
    icount_shift: int
    ticks_per_instruction: tuple[int, int]
    args: tuple[str, ...] = ()
    stand_in: str = ""
    port: tuple[str, ...] = ()
    origins: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    name: str
    title: str
    docs: tuple[str, ...]
    cpu: Cpu
    toolchain: Toolchain
    memory: tuple[Bank, ...]
    firmware: Firmware
    console: ConsolePort
    counter: Counter
    platformio: PlatformIO | None = None
    emulator: Emulator | None = None

    @property
    def core(self) -> str:
        return self.cpu.core

    @property
    def isa(self) -> frozenset[str]:
        return frozenset(self.cpu.isa)

    @property
    def f_cpu_hz(self) -> int:
        return self.cpu.f_hz

    @property
    def banks(self) -> tuple[Bank, ...]:
        return self.memory

    @property
    def stack_bytes(self) -> int:
        """Bytes of RAM the linker script reserves for the stack."""
        return self.firmware.stack_bytes

    def usable_banks(self, kind: str) -> tuple[Bank, ...]:
        """The banks of a kind in which a plan may put something, the main one first: a framework's linker script knows no other."""
        every = tuple(b for b in self.memory if b.kind == kind)
        return every[:1] if self.framework or self.is_host else every

    def main_bank(self, kind: str) -> Bank:
        """The first bank of its kind: it holds the image's code, or its data, stack and arena."""
        return next(b for b in self.memory if b.kind == kind)

    @property
    def ram_bytes(self) -> int:
        return self.main_bank("ram").size

    @property
    def flash_bytes(self) -> int:
        return self.main_bank("flash").size

    @property
    def is_host(self) -> bool:
        """The firmware is a process of this computer."""
        return self.firmware.form == "process"

    @property
    def framework(self) -> str | None:
        """The framework that starts the board; None: its port does, and a compiler alone builds the image."""
        return self.platformio.framework if self.platformio else None

    @property
    def stand_in(self) -> str:
        """What the emulated machine differs in; empty where it runs the board's own image or there is none."""
        return self.emulator.stand_in if self.emulator else ""


def list_boards() -> tuple[str, ...]:
    """Names of all boards, `host` first."""
    names = sorted(p.parent.name for p in boards_dir().glob(f"*/{FILE}") if not p.parent.name.startswith("_"))
    return tuple(sorted(names, key=lambda n: n != "host"))


def load_board(name: str) -> Board:
    """The board of that name. Raises UsageError for an unknown name or a faulty file."""
    known = list_boards()
    if name not in known:  # also keeps a name from being used as a path
        raise UsageError(printable(name), "is not a known board", f"boards: {', '.join(known)}")
    return read_board(boards_dir() / name / FILE)


def read_board(path: Path) -> Board:
    """The board whose file is `path`; its name is the folder's."""
    place = f"{path.parent.name}/{path.name}"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise UsageError(place, f"can not be read ({e.strerror})", "check the folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(place, f"is not valid TOML ({e})", "correct the file") from None
    if "name" in raw:
        raise UsageError(place, "unknown key 'name'", "a board is named by its folder")
    board = _parse(Board, {"name": path.parent.name, **raw}, place, "")
    _check(board, place)
    return board


def _check(b: Board, place: str) -> None:
    def bad(what: str, fix: str) -> UsageError:
        return UsageError(place, what, fix)

    if len(b.name) > NAME_CHARS:
        raise bad(f"the board's name has more than {NAME_CHARS} characters", "rename its folder")
    for kind in KINDS:
        if not any(k.kind == kind for k in b.memory):
            raise bad(f"memory: no bank of kind {kind!r}", "add one")
    for k in b.memory:
        if k.kind not in KINDS:
            raise bad(f"memory.{k.name}.kind: {k.kind!r} is not one of {', '.join(KINDS)}", "correct it")
        if not k.name.isidentifier():
            raise bad(f"memory.name: {k.name!r} is not an identifier", "use letters, digits and underscores")
        if k.size <= 0 or k.origin < 0:
            raise bad(f"memory.{k.name}: size and origin must be positive", "correct them")
        if k.cycles < 1:
            raise bad(f"memory.{k.name}.cycles is not positive", "give about what an access takes")
    if len({k.name for k in b.memory}) != len(b.memory):
        raise bad("memory: two banks have the same name", "rename one")
    if not 128 <= b.firmware.payload_bytes <= 65528 or b.firmware.payload_bytes % 8:
        raise bad("firmware.payload_bytes is not a multiple of 8 within 128..65528", "correct it")
    if b.firmware.stack_bytes <= 0 or b.firmware.stack_bytes % 16:
        raise bad("firmware.stack_bytes is not a positive multiple of 16", "correct it")
    if b.firmware.form not in FORMS:
        raise bad(f"firmware.form: {b.firmware.form!r} is not one of {', '.join(FORMS)}", "correct it")
    if b.framework is not None and b.framework not in FRAMEWORKS:
        raise bad(f"platformio.framework: {b.framework!r} is not one of {', '.join(FRAMEWORKS)}", "correct it or leave it out")
    if b.framework is not None and b.emulator and not b.emulator.port:
        raise bad("emulator.port is missing: no machine runs the framework's image", "name a stand-in's port")
    linked = b.firmware.form == "image" and (b.framework is None or bool(b.emulator and b.emulator.port))
    if linked != (b.firmware.linker_script is not None):
        raise bad(f"firmware.linker_script is {'missing' if linked else 'given, and nothing is linked with it'}", "correct it")
    if b.emulator:
        for key, named in (("origins", b.emulator.origins), ("sizes", b.emulator.sizes)):
            unknown = set(named) - {k.name for k in b.memory}
            if unknown:
                raise bad(f"emulator.{key}: no bank is called {sorted(unknown)[0]!r}", "name a bank of [[memory]]")
        sizes = {k.name: k.size for k in b.memory}
        for name, size in b.emulator.sizes.items():
            if not 0 < size <= sizes[name]:
                raise bad(f"emulator.sizes.{name} is not within the bank's {sizes[name]}", "give what the machine has of it")
        if min(b.emulator.ticks_per_instruction) <= 0:
            raise bad("emulator.ticks_per_instruction is not a positive fraction", "give [numerator, denominator]")


def _parse(kind: Any, value: Any, place: str, key: str) -> Any:
    """`value` from TOML as `kind` (a dataclass, a tuple, a scalar); `key` is its dotted name for messages."""
    if is_dataclass(kind):
        return _parse_table(kind, value, place, key)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return _parse(next(a for a in args if a is not type(None)), value, place, key)
    if origin is tuple:
        if not isinstance(value, list) or (args[-1] is not Ellipsis and len(value) != len(args)):
            what = "a list" if args[-1] is Ellipsis else f"a list of {len(args)}"
            raise UsageError(place, f"{key} is not {what}", "correct the value")
        return tuple(_parse(args[0], v, place, f"{key}[{k}]") for k, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise UsageError(place, f"{key} is not a table", "correct the value")
        return {k: _parse(args[1], v, place, f"{key}.{k}") for k, v in value.items()}
    if type(value) is not kind:
        raise UsageError(place, f"{key} is not {'an integer' if kind is int else 'a string'}", "correct the value")
    return value


def _parse_table(kind: Any, value: Any, place: str, key: str) -> Any:
    if not isinstance(value, dict):
        raise UsageError(place, f"{key} is not a table", f"write [{key}]")
    prefix = f"{key}." if key else ""
    hints = typing.get_type_hints(kind)
    for k in value:
        if k not in hints:
            raise UsageError(place, f"unknown key {prefix + k!r}", f"known keys: {', '.join(prefix + h for h in hints)}")
    for f in fields(kind):
        if f.name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise UsageError(place, f"{prefix}{f.name} is missing", "add it")
    return kind(**{k: _parse(hints[k], v, place, prefix + k) for k, v in value.items()})

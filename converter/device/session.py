"""What one does with a running firmware: identify it, run it, read its tensors, measure it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeVar

import numpy as np

from tinyml.device.self_test import arithmetic_crc, generated_inputs, outputs_crc
from tinyml.device.serial import InputLost, Link, SessionLost
from tinyml.errors import DeviceError, Mismatch, UsageError, printable

DESCRIBE, SET_INPUT, INVOKE, RUN_TO, READ, PROFILE, STACK, SELF_TEST, TEST_NETWORK = range(2, 11)
KIND_INPUT, KIND_OUTPUT, KIND_TENSOR = range(3)
DTYPES = (np.dtype("i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<f4"), np.dtype("u1"), np.dtype("<i8"))  # tm_dtype
COUNTERS = ("none", "instructions", "cycles", "ticks")  # tm_count_kind
FLAGS = {1: "clock fall-back", 2: "instruction cache", 4: "data cache", 8: "FPU", 16: "stand-in"}
BOARD_CHARS = 15  # of the board's name that IDENTIFY tells
REPLAYS = 8  # how often a run is repeated from its beginning after a reset of the device

T = TypeVar("T")


@dataclass(frozen=True)
class Ident:
    """What the firmware says of itself. Sizes in bytes, clocks in Hz (0: not known)."""

    protocol: int
    fit: int  # tm_status: 0 where arena and runtime belong to the model
    counter: str
    counter_bits: int
    max_payload: int
    inputs: int
    outputs: int
    tensors: int
    flags: int
    clock_hz: int
    counter_hz: int
    runtime_version: int
    arena_bytes: int
    steps: int
    model_hash: str
    tool_version: str
    board: str
    model: str

    @property
    def flag_names(self) -> tuple[str, ...]:
        return tuple(text for bit, text in FLAGS.items() if self.flags & bit)

    @property
    def is_stand_in(self) -> bool:
        """An emulated machine that differs from the board."""
        return FLAGS[16] in self.flag_names


@dataclass(frozen=True)
class TensorInfo:
    """A tensor in the firmware's arena; shape [H,W,C]. Whole after steps born..dead."""

    id: int
    dtype: np.dtype
    io_dtype: np.dtype
    born: int
    dead: int
    shape: tuple[int, int, int]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Profile:
    """Counts of one inference. counter: "instructions", "cycles" or "ticks" of `hz`; total is measured without the
    per-step readings, so total - sum(steps) is what is spent between the steps."""

    counter: str
    hz: int
    total: int
    steps: tuple[int, ...]

    @property
    def unattributed(self) -> int:
        return self.total - sum(self.steps)


class Session:
    """A conversation with one firmware. A reset of the device in the middle repeats the run from its beginning.

    ticks_per_instruction: given for an emulator, whose counter then counts instructions exactly. model_hash, board: what the
    firmware must be of; DeviceError where it says something else.
    """

    def __init__(
        self,
        link: Link,
        ticks_per_instruction: Fraction | None = None,
        invoke_timeout_s: float = 900.0,
        start_timeout_s: float = 20.0,
        model_hash: str | None = None,
        board: str | None = None,
    ):
        self.link, self.invoke_timeout_s = link, invoke_timeout_s
        self._ratio = ticks_per_instruction
        self._ident = self._open(start_timeout_s)
        link.chunk, link.retries = self._ident.max_payload, 0  # requests lost while the firmware starts say nothing of the line
        if model_hash is not None and self._ident.model_hash != model_hash:
            raise DeviceError(link.name, f"runs another model: {self._says()}", "run `tinyml flash` with this one")
        if board is not None and self._ident.board != board[:BOARD_CHARS]:
            raise DeviceError(
                link.name, f"runs an image for another board: {self._says()}", "choose it with --board, or run `tinyml flash`"
            )
        self._infos: dict[int, tuple[TensorInfo, ...]] = {}

    def _says(self) -> str:
        i = self._ident
        return f"{i.model} ({i.model_hash}) for {i.board}, made by tinyml {i.tool_version}"

    def _open(self, timeout_s: float | None = None) -> Ident:
        ident = _parse_ident(self.link.open(timeout_s))
        self.link.max_payload = ident.max_payload
        if ident.fit:
            raise DeviceError(
                self.link.name, f"the firmware's arena or runtime does not fit its model (status {ident.fit})", "build it again"
            )
        return ident

    def identify(self) -> Ident:
        return self._ident

    def close(self) -> None:
        self.link.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def inputs(self) -> tuple[TensorInfo, ...]:
        return self._describe(KIND_INPUT, self._ident.inputs)

    def outputs(self) -> tuple[TensorInfo, ...]:
        return self._describe(KIND_OUTPUT, self._ident.outputs)

    def tensors(self) -> tuple[TensorInfo, ...]:
        return self._describe(KIND_TENSOR, self._ident.tensors)

    def layer_ids(self) -> tuple[int, ...]:
        """Model-file indices of the tensors that exist in the arena at some step."""
        return tuple(dict.fromkeys(t.id for t in self.tensors()))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One inference. Inputs and outputs in the model file's types; outputs as [H,W,C]."""

        def once() -> list[np.ndarray]:
            self._set_inputs(inputs)
            self.link.request(INVOKE, b"", self.invoke_timeout_s)
            return [self._read(KIND_OUTPUT, k, t, t.io_dtype) for k, t in enumerate(self.outputs())]

        return self._transact(once)

    def run_layers(self, inputs: Sequence[np.ndarray], wanted: Callable[[int], bool] = lambda i: True) -> dict[int, np.ndarray]:
        """Every tensor of one inference that exists in the arena, by model-file index, as stored, [H,W,C].

        A reset in the middle starts again from the first step."""
        infos = sorted(((t.born, k, t) for k, t in enumerate(self.tensors()) if wanted(t.id)), key=lambda x: x[:2])

        def once() -> dict[int, np.ndarray]:
            self._set_inputs(inputs)
            out, at = {}, -1
            for born, k, t in infos:
                if born != at:
                    self.link.request(RUN_TO, struct.pack("<I", born), self.invoke_timeout_s)
                    at = born
                out[t.id] = self._read(KIND_TENSOR, k, t, t.dtype)
            return out

        return self._transact(once)

    @property
    def counter(self) -> str:
        """What counts: "instructions" (exact), "cycles", "ticks" or "none"."""
        return self._ident.counter if self._ratio is None else "instructions"

    @property
    def counter_hz(self) -> int:
        """The counter's rate; 0 where it is not known, and for instructions."""
        return self._ident.counter_hz if self._ratio is None else 0

    def total(self, inputs: Sequence[np.ndarray]) -> int:
        """Counts of one inference, measured without the readings between the steps."""

        def once() -> int:
            self._set_inputs(inputs)
            ticks, cost = struct.unpack("<QQ", self.link.request(INVOKE, b"", self.invoke_timeout_s))
            return self._count(ticks) - self._count(cost)

        return self._transact(once)

    def steps(self, inputs: Sequence[np.ndarray]) -> tuple[int, ...]:
        """Counts of every step; every run begins with the same inputs, so that counts are repeatable."""

        def rows(first: int) -> list[int]:
            self._set_inputs(inputs)
            answer = self.link.request(PROFILE, struct.pack("<I", first), self.invoke_timeout_s)
            cost, start, n = struct.unpack_from("<QIH", answer)
            if start != first or not n or len(answer) != 14 + 8 * n:
                raise DeviceError(self.link.name, "a profile of the wrong size", "flash the board again")
            return [self._count(v) - self._count(cost) for v in struct.unpack_from(f"<{n}Q", answer, 14)]

        out: list[int] = []
        while len(out) < self._ident.steps:
            out += self._transact(partial(rows, len(out)))
        return tuple(out)

    def profile(self, inputs: Sequence[np.ndarray]) -> Profile:
        """Counts per step and in total."""
        steps = self.steps(inputs)
        return Profile(self.counter, self.counter_hz, self.total(inputs), steps)

    def stack(self) -> int:
        """Most bytes of stack used since the start of the firmware; 0 where it is not known (host)."""
        return self._stack()[0]

    def stack_size(self) -> int:
        """Bytes reserved for the stack; 0 where that is not known (host)."""
        return self._stack()[1]

    def self_test(self) -> None:
        """The device's arithmetic and the line, against this computer's. Raises DeviceError where they differ."""
        echo = bytes(range(64))
        answer = self._transact(lambda: self.link.request(SELF_TEST, echo))
        if answer != struct.pack("<I", arithmetic_crc()) + echo:
            raise DeviceError(self.link.name, "the self-test gave another result", "check clock and supply of the board")

    def generated_inputs(self, seed: int) -> list[np.ndarray]:
        """The inputs that the device makes of `seed`, in the model file's types: what a reference for `self_test_network` runs on."""
        return generated_inputs(seed, [(t.shape, t.dtype, t.io_dtype, t.scale, t.zero_point) for t in self.inputs()])

    def self_test_network(self, seed: int, want: Sequence[np.ndarray]) -> None:
        """The whole network on the device, for a few bytes on the line: it generates inputs from `seed`, runs, and tells the
        CRC-32 of its outputs. want: the reference's outputs on `generated_inputs(seed)`. Raises Mismatch where they differ."""
        answer = self._transact(lambda: self.link.request(TEST_NETWORK, struct.pack("<I", seed), self.invoke_timeout_s))
        if answer != struct.pack("<I", outputs_crc(want)):
            raise Mismatch(
                self.link.name, f"the network's outputs on generated inputs (seed {seed}) differ", "run `tinyml verify --layers`"
            )

    def _stack(self) -> tuple[int, int]:
        used, size = struct.unpack("<II", self._transact(lambda: self.link.request(STACK, b"\0")))
        return used, size

    def _transact(self, run: Callable[[], T]) -> T:
        for left in reversed(range(REPLAYS)):
            try:
                return run()
            except (SessionLost, InputLost):
                if not left:
                    raise
                before = self._ident
                self._ident = self._open()
                if self._ident.model_hash != before.model_hash:
                    raise DeviceError(self.link.name, "runs another model since its reset", "flash the board again") from None
        raise AssertionError("unreachable")

    def _count(self, ticks: int) -> int:
        ticks &= (1 << self._ident.counter_bits) - 1
        return ticks if self._ratio is None else round(ticks / self._ratio)

    def _describe(self, kind: int, n: int) -> tuple[TensorInfo, ...]:
        if kind not in self._infos:
            self._infos[kind] = tuple(
                _parse_info(self._transact(lambda k=k: self.link.request(DESCRIBE, struct.pack("<BH", kind, k)))) for k in range(n)
            )
        return self._infos[kind]

    def _set_inputs(self, inputs: Sequence[np.ndarray]) -> None:
        infos = self.inputs()
        if len(inputs) != len(infos):
            raise UsageError(self._ident.model, f"has {len(infos)} inputs, {len(inputs)} were given", "give one array per input")
        for k, (x, t) in enumerate(zip(inputs, infos, strict=True)):
            if x.size != np.prod(t.shape) or x.dtype != t.io_dtype:
                raise UsageError(
                    f"{self._ident.model} input {k}", f"wants {np.prod(t.shape)} x {t.io_dtype}, got {x.size} x {x.dtype}", "convert it"
                )
            self._send(k, np.ascontiguousarray(x, t.io_dtype).tobytes(), t.io_dtype.itemsize)

    def _send(self, index: int, data: bytes, item: int) -> None:
        at, crc = 0, 0
        while at < len(data) or not data:
            n = max(item, (min(self.link.chunk, self._ident.max_payload) - 10) // item * item)
            chunk = data[at : at + n]
            crc = zlib.crc32(chunk, crc)
            self.link.request(SET_INPUT, struct.pack("<HII", index, at, crc) + chunk)
            at += n
            if not data:
                return

    def _read(self, kind: int, index: int, t: TensorInfo, dtype: np.dtype) -> np.ndarray:
        size = int(np.prod(t.shape)) * dtype.itemsize
        parts, at = [], 0
        while at < size:
            n = min(size - at, max(dtype.itemsize, (min(self.link.chunk, self._ident.max_payload) - 1) // dtype.itemsize * dtype.itemsize))
            part = self.link.request(READ, struct.pack("<BHIH", kind, index, at, n))
            if len(part) != n:
                raise DeviceError(self.link.name, f"{len(part)} bytes of a tensor came instead of {n}", "flash the board again")
            parts.append(part)
            at += n
        return np.frombuffer(b"".join(parts), dtype).reshape(t.shape)


def _parse_ident(p: bytes) -> Ident:
    head = struct.Struct("<BBBBHHHHIIIIII16s")
    try:
        protocol, fit, kind, bits, payload, inputs, outputs, tensors, flags, clock, hz, runtime, arena, steps, digest = head.unpack_from(p)
        texts, at = [], head.size
        for _ in range(3):
            texts.append(printable(p[at + 1 : at + 1 + p[at]]))
            at += 1 + p[at]
        counter = COUNTERS[kind]
    except (struct.error, IndexError):
        raise DeviceError("identify", "the firmware's answer is malformed", "flash the board again") from None
    return Ident(
        protocol, fit, counter, bits, payload, inputs, outputs, tensors, flags, clock, hz, runtime, arena, steps, digest.hex(), *texts
    )  # fmt: skip


def _parse_info(p: bytes) -> TensorInfo:
    try:
        tid, dtype, io_dtype, born, dead, h, w, c, scale, zero = struct.unpack("<IBBHHiiifi", p)
        return TensorInfo(tid, DTYPES[dtype], DTYPES[io_dtype], born, dead, (h, w, c), scale, zero)
    except (struct.error, IndexError):
        raise DeviceError("describe", "the firmware's answer is malformed", "flash the board again") from None

"""Mutates model files and imports them. Each must end as a graph or as one printable line of InvalidModel or
Unsupported, within TIME_LIMIT seconds and MEMORY_LIMIT bytes.

Run as a program, it does so in its own process and prints a JSON summary: ``fuzz_importer.py COUNT SEED MODEL...``.
A failure is reproduced by ``mutate(files[k % len(files)], seed, k)`` with the `k` that is printed.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from tinyml.errors import InvalidModel, TinymlError, Unsupported
from tinyml.importers import import_model

TIME_LIMIT = 10.0  # seconds per file
MEMORY_LIMIT = 1 << 30  # bytes, of the whole process
ADDRESS_SPACE = 2 << 30  # a hard stop above it: libraries reserve more than they use

WORDS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
FLOATS = (0.0, -0.0, -1.0, float("nan"), float("inf"), 1e-45, 1e-37, 1e-30, 1e30, 3.4e38)


@dataclass(frozen=True, eq=False)
class Target:
    """A valid model and where its structure lies: everything but the constants."""

    name: str
    data: bytes
    structure: np.ndarray  # byte positions outside large constants
    fields: tuple[tuple[int, str], ...]  # position and kind ("I" 32-bit or offset, "H" vtable, "f" scale, "q" zero point)


def _vector(fields: list[tuple[int, str]], table: Any, vtable_offset: int, kind: str) -> None:
    at = table._tab.Offset(vtable_offset)
    if at:
        start, length = table._tab.Vector(at), table._tab.VectorLen(at)
        fields += [(start - 4, "I"), *((start + k * struct.calcsize(kind), kind) for k in range(min(length, 8)))]


def _table(fields: list[tuple[int, str]], table: Any) -> None:
    """The slots of the table's vtable, and each of its fields as a 32-bit number."""
    tab = table._tab
    vtable = tab.Pos - struct.unpack_from("<i", tab.Bytes, tab.Pos)[0]
    (length,) = struct.unpack_from("<H", tab.Bytes, vtable)
    fields += [(tab.Pos, "I"), *((vtable + k, "H") for k in range(0, length, 2))]
    for k in range(4, length, 2):
        offset = struct.unpack_from("<H", tab.Bytes, vtable + k)[0]
        if offset:
            fields.append(((tab.Pos + offset) & ~3, "I"))


def target(name: str, data: bytes) -> Target:
    model, fields = tflite.Model.GetRootAs(data), [(0, "I")]
    mask = np.ones(len(data), bool)
    for k in range(model.BuffersLength()):
        buffer = model.Buffers(k)
        _table(fields, buffer)
        if buffer.DataLength() > 64:
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            mask[start : start + buffer.DataLength()] = False
    graph = model.Subgraphs(0)
    for table in (model, graph, *(model.OperatorCodes(k) for k in range(model.OperatorCodesLength()))):
        _table(fields, table)
    for slot in (4, 6, 8, 10):
        _vector(fields, graph, slot, "I")
    for k in range(graph.TensorsLength()):
        t = graph.Tensors(k)
        _table(fields, t)
        _vector(fields, t, 4, "I")
        q = t.Quantization()
        if q is not None:
            _table(fields, q)
            _vector(fields, q, 8, "f")
            _vector(fields, q, 10, "q")
    for k in range(graph.OperatorsLength()):
        o = graph.Operators(k)
        _table(fields, o)
        _vector(fields, o, 6, "I")
        _vector(fields, o, 8, "I")
        options = o.BuiltinOptions()
        if options is not None:
            holder = tflite.Conv2DOptions()
            holder._tab = options
            _table(fields, holder)
    return Target(name, data, np.flatnonzero(mask), tuple(fields))


def mutate(t: Target, seed: int, number: int) -> bytes:
    """Mutant `number` of `t`, always the same one for the same arguments."""
    rng = np.random.default_rng([seed, number])
    data = bytearray(t.data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        kind = rng.integers(8)
        if kind == 0:
            for at in rng.choice(t.structure, int(rng.integers(1, 9))):
                _poke(data, int(at), bytes([data[at] ^ (1 << int(rng.integers(8)))]) if at < len(data) else b"")
        elif kind == 1 and rng.random() < 0.3:
            del data[int(rng.integers(len(data))) :]
        elif kind <= 2:
            at = int(rng.choice(t.structure)) & ~3
            _poke(data, at, struct.pack("<I", _word(rng, data, at)))
        elif kind == 3:
            source, at = (int(p) for p in rng.choice(t.structure, 2))
            _poke(data, at, bytes(data[source : source + int(rng.choice([4, 8, 16, 64]))]))
        else:
            at, code = t.fields[int(rng.integers(len(t.fields)))]
            _poke(data, at, _value(rng, data, at, code))
    return bytes(data)


def _poke(data: bytearray, at: int, value: bytes) -> None:
    if at + len(value) <= len(data):
        data[at : at + len(value)] = value


def _word(rng: np.random.Generator, data: bytearray, at: int) -> int:
    old = struct.unpack_from("<I", data, at)[0] if at + 4 <= len(data) else 0
    choices = (
        int(rng.choice(WORDS)), len(data), len(data) - at, len(data) - 4, old + 1, old - 1, old + 4, old - 4, old + 2, old * 2, old // 2,
        old ^ (1 << int(rng.integers(32))), int(rng.integers(1 << 32)), int(rng.integers(1 << 8)),
    )  # fmt: skip
    return choices[int(rng.integers(len(choices)))] & 0xFFFFFFFF


def _value(rng: np.random.Generator, data: bytearray, at: int, code: str) -> bytes:
    if code == "f" and rng.random() < 0.8:
        return struct.pack("<f", rng.choice(FLOATS))
    if code == "q":
        return struct.pack("<q", int(rng.choice([-(1 << 63), -(1 << 31), -129, -128, -1, 0, 1, 127, 128, 1 << 31, (1 << 63) - 1])))
    word = _word(rng, data, at)
    return struct.pack("<H", word & 0xFFFF) if code == "H" else struct.pack("<I", word)


class TooSlow(Exception):
    """Raised by the timer, and by nothing in the importer."""


def _expired(*_: Any) -> None:
    raise TooSlow


def judge(data: bytes, name: str) -> tuple[str, str]:
    """(outcome, detail): outcome is "graph", "InvalidModel", "Unsupported" or, all failures, "BAD ..."."""
    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
    try:
        import_model(data, name)
        return "graph", ""
    except TinymlError as error:
        line = error.line()
        if not isinstance(error, (InvalidModel, Unsupported)):
            return f"BAD {type(error).__name__}", line
        if not all(" " <= c <= "~" for c in line):
            return "BAD line", repr(line)
        return "Unsupported" if isinstance(error, Unsupported) else "InvalidModel", line
    except Exception as error:  # noqa: BLE001 - finding these is the purpose
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
        return f"BAD {type(error).__name__}", f"{where} {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def fuzz(count: int, seed: int, files: list[Path]) -> dict[str, Any]:
    targets = [target(f.name, f.read_bytes()) for f in files]
    signal.signal(signal.SIGALRM, _expired)
    outcomes: Counter[str] = Counter()
    failures: dict[str, list[Any]] = {}
    seconds: list[float] = []
    for k in range(count):
        t = targets[k % len(targets)]
        data = mutate(t, seed, k)
        start = time.perf_counter()
        outcome, detail = judge(data, t.name)
        seconds.append(time.perf_counter() - start)
        outcomes[outcome] += 1
        if outcome.startswith("BAD"):
            failures.setdefault(f"{outcome} {detail}"[:300], []).append(k)
    return {
        "count": count,
        "outcomes": dict(outcomes),
        "mean_ms": round(1e3 * float(np.mean(seconds)), 2),
        "max_ms": round(1e3 * max(seconds), 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "failures": {what: ks[:5] for what, ks in failures.items()},
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    print(json.dumps(fuzz(int(sys.argv[1]), int(sys.argv[2]), [Path(f) for f in sys.argv[3:]]), indent=1))

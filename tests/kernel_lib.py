"""Runs single kernel calls, as the operators lower them, on buffers of any layout: the runtime as a shared library with
AddressSanitizer and UndefinedBehaviorSanitizer, params structs through ctypes, exactly-sized heap blocks.

The library needs the sanitizer's own runtime to be loaded first, so checks live in kernel_checks.py, which `run_checks`
starts as a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.opspec import Geom, KernelCall, Ref, Scratch, Table, Value

HERE = Path(__file__).parent
RUNTIME = HERE.parent / "runtime_c"
FLAGS = "-std=c99 -g -O1 -fPIC -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer".split()


def build_library(folder: Path) -> Path:
    """All kernels of the runtime for this machine."""

    def compile_one(source: Path) -> str:
        target = str(folder / f"{source.stem}.o")
        subprocess.run(["cc", *FLAGS, f"-I{RUNTIME / 'include'}", "-c", source, "-o", target], check=True, timeout=120)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, sorted((RUNTIME / "src").glob("*.c"))))
    library = folder / "libkernels.so"
    subprocess.run(["cc", *FLAGS, "-shared", *objects, "-lm", "-o", library], check=True, timeout=120)
    return library


def run_checks(library: Path, *arguments: str, script: str = "kernel_checks.py") -> dict[str, int]:
    """Runs `script` (all of kernel_checks.py) on an operator, the first argument; returns how many comparisons each check made. AssertionError with
    the sanitizer's or the check's report where one fails."""
    asan = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()
    env = {
        **os.environ,
        "LD_PRELOAD": asan,
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
    }
    command = [sys.executable, HERE / script, library, *arguments]
    p = subprocess.run(command, capture_output=True, text=True, errors="replace", env=env, timeout=900, check=False)
    assert p.returncode == 0, f"{arguments}: exit {p.returncode}\n{p.stderr[-4000:]}"
    return json.loads(p.stdout)


# ---------------------------------------------------------------- in the sanitized process

@dataclass(frozen=True)
class Ring(Geom):
    """A geometry whose rows lie in a ring of `ring` slots, row 0 in slot `first`."""

    ring: int = 0
    first: int = 0


def slots(g: Geom) -> int:
    return g.ring if isinstance(g, Ring) and g.ring else g.h


class Heap:
    """Elements of one dtype in a block of exactly the bytes they need, filled with random ones."""

    _libc = ctypes.CDLL(None)
    _libc.malloc.restype = ctypes.c_void_p
    _libc.malloc.argtypes = [ctypes.c_size_t]
    _libc.free.argtypes = [ctypes.c_void_p]

    def __init__(self, elements: int, dtype: np.dtype, rng: np.random.Generator):
        self.dtype, self.bytes = np.dtype(dtype), elements * np.dtype(dtype).itemsize
        self.address = self._libc.malloc(self.bytes)
        self.array = np.frombuffer((ctypes.c_char * self.bytes).from_address(self.address), self.dtype)
        noise = rng.uniform(-9, 9, elements) if self.dtype.kind == "f" else rng.integers(-128, 128, elements)
        self.array[:] = noise.astype(self.dtype)

    def __del__(self) -> None:
        self._libc.free(self.address)

    def at(self, element: int) -> int:
        return self.address + element * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Placed:
    """A rectangle in a block of its own."""

    geom: Geom
    heap: Heap

    def _rows(self) -> list[int]:
        g = self.geom
        return [((y + g.first) % g.ring if isinstance(g, Ring) and g.ring else y) * g.row_stride for y in range(g.h)]

    def _pixels(self) -> np.ndarray:
        g = self.geom
        row = np.arange(g.w)[:, None] * g.px_stride + np.arange(g.c)
        return np.array(self._rows())[:, None, None] + row

    def write(self, values: np.ndarray) -> None:
        self.heap.array[self._pixels()] = values

    def read(self) -> np.ndarray:
        return self.heap.array[self._pixels()]

    def untouched(self, before: np.ndarray) -> bool:
        """Whether everything outside the rectangle is as it was."""
        outside = np.ones(len(before), bool)
        outside[self._pixels()] = False
        return self.heap.array[outside].tobytes() == before[outside].tobytes()


def place(g: Geom, dtype: np.dtype, rng: np.random.Generator, values: np.ndarray | None = None) -> Placed:
    elements = (slots(g) - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c
    placed = Placed(g, Heap(elements, dtype, rng))
    if values is not None:
        placed.write(values)
    return placed


def random_layout(h: int, w: int, c: int, rng: np.random.Generator, ring: bool = False) -> Geom:
    """Gaps between pixels and rows, rows in a ring, or none of it."""
    px = c + int(rng.integers(0, 4))
    row = w * px + int(rng.integers(0, 6))
    if not ring or rng.integers(0, 3) == 0:
        return Geom(h, w, c, row, px)
    n = h + int(rng.integers(0, 3))
    return Ring(h, w, c, row, px, n, int(rng.integers(0, n)))


class Kernels:
    def __init__(self, library: Path):
        self.lib = ctypes.CDLL(str(library))

    def run(self, call: KernelCall, pointer: Callable[[Ref], int]) -> int:
        """The kernel's status."""
        keep: list[object] = []
        fields = [_field(v, keep) for _, v in call.params]
        struct = type("params", (ctypes.Structure,), {"_fields_": [(f"f{k}", type(v)) for k, v in enumerate(fields)]})
        args = [ctypes.byref(struct(*fields))]
        for a in call.args:
            if isinstance(a, Ref):
                args.append(ctypes.c_void_p(pointer(a)))
            elif isinstance(a, Table):
                args.append(_pointer(a, keep))
            elif isinstance(a, Scratch):
                scratch = Heap(call.scratch_bytes, np.dtype(np.int8), np.random.default_rng(0))
                keep.append(scratch)
                args.append(ctypes.c_void_p(scratch.address))
            else:
                args.append(ctypes.c_void_p(None))
        return getattr(self.lib, call.func)(*args)


def _pointer(t: Table, keep: list[object]) -> ctypes.c_void_p:
    if t.data.size == 0:
        return ctypes.c_void_p(None)
    heap = Heap(t.data.size, t.data.dtype, np.random.default_rng(0))
    heap.array[:] = t.data.reshape(-1)
    keep.append(heap)
    return ctypes.c_void_p(heap.address)


def _field(v: Value, keep: list[object]) -> object:
    """A value as the C type that emitted code gives it: tm_geom, int32_t, float, an array or a pointer."""
    if isinstance(v, Geom):
        ring = (v.ring, v.first) if isinstance(v, Ring) else (0, 0)
        return (ctypes.c_int32 * 7)(v.h, v.w, v.c, v.row_stride, v.px_stride, *ring)
    if isinstance(v, Table):
        return _pointer(v, keep)
    if v is None:
        return ctypes.c_void_p(None)
    if isinstance(v, tuple):
        items = [_field(e, keep) for e in v]
        if len({type(i) for i in items}) == 1:
            return (type(items[0]) * len(items))(*items)
        # a struct within the struct
        return type("inner", (ctypes.Structure,), {"_fields_": [(f"f{k}", type(i)) for k, i in enumerate(items)]})(*items)
    return ctypes.c_float(v) if isinstance(v, (float, np.floating)) else ctypes.c_int32(int(v))

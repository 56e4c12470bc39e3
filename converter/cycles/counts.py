"""The file that the counting plugin writes (runtime_c/emulator/count.c): which blocks ran, how often, between calls of a function."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    address: int
    insns: tuple[bytes, ...]


@dataclass(frozen=True)
class Runs:
    """left: runs of the block that were not followed by the one right behind it."""

    block: int
    runs: int
    left: int


@dataclass(frozen=True)
class Counts:
    """windows[k]: what ran between call k-1 of the function and call k, the k-th call not included."""

    blocks: tuple[Block, ...]
    windows: tuple[tuple[Runs, ...], ...]


def read_counts(data: bytes) -> Counts:
    """Raises ValueError where the bytes are no such file. A last record that is cut off, as by ending the emulator, is left out."""
    blocks: list[Block] = []
    windows: list[tuple[Runs, ...]] = []
    at = 0
    try:
        while at < len(data):
            kind, at = data[at], at + 1
            if kind == ord("B"):
                number, address, n = struct.unpack_from("=IQI", data, at)
                at += 16
                insns = []
                for _ in range(n):
                    size = data[at]
                    insns.append(data[at + 1 : at + 1 + size])
                    at += 1 + size
                if number != len(blocks):
                    raise ValueError(f"block {number} comes after {len(blocks)} others")
                blocks.append(Block(address, tuple(insns)))
            elif kind == ord("M"):
                (n,) = struct.unpack_from("=I", data, at)
                records = data[at + 4 : at + 4 + 20 * n]
                at += 4 + 20 * n
                if len(records) == 20 * n:
                    windows.append(tuple(Runs(*r) for r in struct.iter_unpack("=IQQ", records)))
            else:
                raise ValueError(f"unknown record {kind} at byte {at - 1}")
    except (struct.error, IndexError):
        pass
    return Counts(tuple(blocks), tuple(windows))

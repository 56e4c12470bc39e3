"""The numbers of all steps as few bytes (tm/steps.h): what occurs in many of them is written once.

A network's steps repeat themselves: the kernel's 1 x 1, the geometry that one step writes and the next one reads, whole blocks. The pair
of neighbours that saves most bytes becomes a *part*, which one byte names; then the next pair, which may contain parts, and so on
(re-pair: Larsson and Moffat, "Offline dictionary-based compression", 1999).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DENSE = None  # among numbers: the strides and the ring of a dense geometry, behind its w and c
DENSE_NUMBERS = 4
PART, DENSE_BYTE = 209, 255  # bytes that stand for a part, and for DENSE
MOST_PARTS = DENSE_BYTE - PART
MOST_DEPTH = 3  # parts in parts: each takes its place on the decoder's stack
MOST_BYTES = 255  # of the parts: where each begins is one byte
USE = 0.5  # byte that naming a part must save: it takes some 14 instructions


@dataclass(frozen=True)
class Part:
    """Among numbers: a part, by its number."""

    number: int


Symbol = int | None | Part


@dataclass(frozen=True)
class Coded:
    """Each sequence's bytes, and the parts: where each begins, then its count of numbers and its bytes."""

    sequences: tuple[bytes, ...]
    parts: bytes


def count(symbols: Sequence[Symbol], sizes: Sequence[int] = ()) -> int:
    """How many numbers the symbols stand for. sizes: of the parts."""
    return sum(DENSE_NUMBERS if s is DENSE else sizes[s.number] if isinstance(s, Part) else 1 for s in symbols)


def encoded(s: Symbol) -> bytes:
    """A number of -2^31 .. 2^32-1 as its sign in the lowest bit, then in 7, 14, 20 or 32 bits."""
    if s is DENSE:
        return bytes([DENSE_BYTE])
    if isinstance(s, Part):
        return bytes([PART + s.number])
    signed = (s + (1 << 31)) % (1 << 32) - (1 << 31)
    v = signed << 1 if signed >= 0 else ~signed << 1 | 1
    if v < 1 << 7:
        return bytes([v])
    if v < 1 << 14:
        return bytes([128 | v & 63, v >> 6])
    if v < 1 << 20:
        return bytes([192 | v & 15, v >> 4 & 255, v >> 12])
    return bytes([208, *v.to_bytes(4, "little")])


def compress(sequences: Sequence[Sequence[int | None]]) -> Coded:
    """The sequences, each decoded by itself, and the parts that they share."""
    texts: list[list[Symbol]] = [list(s) for s in sequences]
    parts: list[list[Symbol]] = []
    depths: list[int] = []
    while len(parts) < MOST_PARTS:
        pair = _best(texts, depths)
        if pair is None or sum(map(_size, [*parts, pair])) > MOST_BYTES:
            break
        depths.append(1 + max((depths[s.number] for s in pair if isinstance(s, Part)), default=0))
        named = Part(len(parts))
        texts = [_replaced(t, pair, named) for t in texts]
        parts.append(list(pair))
    texts, parts = _inlined(texts, parts)
    sizes: list[int] = []
    for p in parts:
        sizes.append(count(p, sizes))
    bodies = [bytes([n]) + _bytes(p) for n, p in zip(sizes, parts, strict=True)]
    starts = [len(parts) + sum(map(len, bodies[:k])) for k in range(len(parts))]
    return Coded(tuple(map(_bytes, texts)), bytes(starts) + b"".join(bodies))


def _bytes(symbols: Sequence[Symbol]) -> bytes:
    return b"".join(map(encoded, symbols))


def _size(part: Sequence[Symbol]) -> int:
    return 2 + len(_bytes(part))


def _best(texts: Sequence[Sequence[Symbol]], depths: Sequence[int]) -> tuple[Symbol, Symbol] | None:
    """The pair whose replacement saves most bytes, the first of equals; None where none saves any."""
    found: Counter[tuple[Symbol, Symbol]] = Counter()
    for text in texts:
        before = None
        for pair in zip(text, text[1:], strict=False):
            if pair == before:
                before = None  # of three equal neighbours the last two overlap the first two
                continue
            found[pair] += 1
            before = pair
    best, most = None, 0.0
    for pair, times in found.items():
        if times < 2 or any(isinstance(s, Part) and depths[s.number] >= MOST_DEPTH for s in pair):
            continue
        saved = times * (len(_bytes(pair)) - 1 - USE) - _size(pair)
        if saved > most:
            best, most = pair, saved
    return best


def _replaced(text: Sequence[Symbol], pair: tuple[Symbol, Symbol], by: Symbol) -> list[Symbol]:
    out: list[Symbol] = []
    k = 0
    while k < len(text):
        if tuple(text[k : k + 2]) == pair:
            out.append(by)
            k += 2
        else:
            out.append(text[k])
            k += 1
    return out


def _inlined(texts: list[list[Symbol]], parts: list[list[Symbol]]) -> tuple[list[list[Symbol]], list[list[Symbol]]]:
    """Without the parts that are named once."""
    while True:
        named = Counter(s.number for t in texts + parts for s in t if isinstance(s, Part))
        once = next((k for k in range(len(parts)) if named[k] <= 1), None)
        if once is None:
            return texts, parts

        def without(text: list[Symbol], once: int = once, body: Sequence[Symbol] = parts[once]) -> list[Symbol]:
            spread = [x for s in text for x in (body if s == Part(once) else (s,))]
            return [Part(s.number - 1) if isinstance(s, Part) and s.number > once else s for s in spread]

        texts = [without(t) for t in texts]
        parts = [without(p) for k, p in enumerate(parts) if k != once]

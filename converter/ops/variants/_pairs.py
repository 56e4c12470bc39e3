"""Weights and constants of two output channels together: the layout of tm/conv_2d_pairs.h."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import fields

import numpy as np

from tinyml.ir import Tensor
from tinyml.ops.variants import _fixed, _requant
from tinyml.ops.variants._groups import firsts
from tinyml.ops.variants._requant import Constants, form_parts

LOOPS = tuple(f"tm_{pixels}_{form}_dsp" for pixels in ("pairs", "triples") for form in ("one_sign", "any_sign"))

LOOP_BYTES = (
    ("TM_PAIRS_ONE_SIGN", 688), ("TM_PAIRS_ANY_SIGN", 712), ("TM_TRIPLES_ONE_SIGN", 812), ("TM_TRIPLES_ANY_SIGN", 848),
)  # fmt: skip


def triples(any_sign: int, without: Set[str]) -> bool:
    """Whether three pixels may be computed together."""
    return not {name for name, needed in parts(any_sign, 3) if needed} & without


def parts(any_sign: int, together: int) -> tuple[tuple[str, bool], ...]:
    """Which of LOOPS a call needs (KernelCall.parts)."""
    return (*form_parts("PAIRS", any_sign), *form_parts("TRIPLES", any_sign, together == 3), ("TM_TRIPLES", together == 3))


def detour(y: Tensor, weights: Tensor, any_sign: int, without: Set[str]) -> float:
    """Instructions more of a convolution in a form that it would not have, or of two pixels together where it were three."""
    co = weights.shape[0]
    groups, pairs, pixels = -(-weights.elements // co // 4), (co + 1) // 2, y.elements // co
    form = 3.0 * pairs if any_sign and y.zero_point == -128 else 0.0
    two = 0.0 if triples(any_sign, without) or y.shape[2] < 3 else pairs * (0.1 * groups + 2.0) + 2.0 * groups
    return pixels * (form + two)


def can_pack(weights: np.ndarray) -> bool:
    """Whether w[a] + 256 * w[b] fits 16 bits for any two of the int8 weights; -128 twice does not."""
    return int(weights.min(initial=0)) > -128


def order(k: int) -> np.ndarray:
    """int [2 * ceil(k/4), 2]: which inputs the low and high half of each word multiply; k and above mean none."""
    first = np.arange(0, k, 4)
    return np.stack([first, first + 2, first + 1, first + 3], 1).reshape(-1, 2)


def rests_last(rows: int, run: int) -> np.ndarray:
    """int [rows * run]: the inputs of `rows` runs with whatever is left of each run beyond fours behind all of them."""
    at = np.arange(rows * run).reshape(rows, run)
    fours = run // 4 * 4
    return np.concatenate([at[:, :fours].reshape(-1), at[:, fours:].reshape(-1)])


def wrapped(v: np.ndarray) -> np.ndarray:
    """int32 with the low 32 bits of int64."""
    return (v & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def words(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int32 [.., W] for channels a and b, int8 [.., K]."""
    k = a.shape[-1]
    room = [(0, 0)] * (a.ndim - 1) + [(0, -k % 4)]
    both = np.pad(a.astype(np.int64) + 256 * b.astype(np.int64), room)
    low, high = (both[..., order(k)[:, h]] for h in (0, 1))
    return wrapped((low & 0xFFFF) | (high & 0xFFFF) << 16)


def all_words(weights: np.ndarray) -> np.ndarray:
    """int32 words of all pairs of channels; weights int8 [CO,K], CO >= 2."""
    first = firsts(len(weights), 2)
    return words(weights[first], weights[first + 1]).reshape(-1)


def records(bias: np.ndarray, q: Constants) -> np.ndarray:
    """int32 records of all pairs of channels; bias [CO] with the zero point folded in, CO >= 2; q [P,2]."""
    first = firsts(len(bias), 2)
    numbers = [v[:, of] for of in (0, 1) for v in (q.mult, q.add, q.shift)]
    a, b = (bias.astype(np.int64)[np.stack([first, first + 1], 1)] + q.offset).T
    heads = [wrapped(a), wrapped(a + 256 * b)]
    return np.stack([*heads, *numbers], 1).astype(np.int32).reshape(-1)


def stream(weights: np.ndarray, bias: np.ndarray, q: Constants) -> np.ndarray:
    """Records, then words."""
    return np.concatenate([records(bias, q), all_words(weights)])


def of_pairs(a: Constants, b: Constants | None = None) -> Constants:
    """[P,2]: of first channels from a [C], of second ones from b, or a."""
    first = firsts(len(a.mult), 2)
    return _beside(a.at(first), (b or a).at(first + 1))


def _beside(a: Constants, b: Constants) -> Constants:
    """[P,2] of [P] each."""
    return Constants(*(np.stack([getattr(q, f.name) for q in (a, b)], 1) for f in fields(Constants)))


def one_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """[P,2]: with a fixed shift (_fixed), which sums of second channels reach as they are. None where some channel has none."""
    first = firsts(len(mult), 2)
    a, b = (form(mult[at], shift[at], zero_point, lo[at], hi[at]) for form, at in ((_fixed.low, first), (_fixed.high, first + 1)))
    return None if a is None or b is None else _beside(a, b)


def any_sign(mult: np.ndarray, shift: np.ndarray, zero_point: int, lo: np.ndarray, hi: np.ndarray) -> Constants | None:
    """[P,2]: as _requant has it."""
    q = _requant.any_sign(mult, shift, zero_point, lo, hi)
    return None if q is None else of_pairs(q)


def plain(mult: np.ndarray, shift: np.ndarray, zero_point: int, q: Constants, form: int) -> bool:
    """Whether q [P,2] is what tm_unpack_pairs_dsp makes of LiteRT's mult and shift; form: 1 for any sign."""
    e = -shift.astype(np.int64)
    if form == 1:
        made = of_pairs(Constants(mult, np.int64(2 * zero_point + 1) << np.clip(e - 1, 0, 31), e))
    else:
        scales = _fixed.SHIFT + 1 - e, np.full_like(e, _fixed.HIGH)
        made = of_pairs(*(Constants(*_fixed.nearest(mult, shift, zero_point, scale), scale) for scale in scales))
    return bool((e >= 1).all()) and not np.any(q.offset) and all(bool((v == w).all()) for v, w in ((q.mult, made.mult), (q.add, made.add), (q.shift, made.shift)))

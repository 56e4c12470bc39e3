"""What pools for Armv8.1-M with Helium share. See tm/pool_mve.h."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.opspec import KernelCall, Lowering
from tinyml.variants import Variant


def variant(name: str, op: str, lanes: int, takes: Callable[[NodeView], bool], code_bytes: int) -> Variant:
    """The kernel tm_<name>, which handles `lanes` channels together, where takes(n); params are the portable kernel's."""

    def applies(n: NodeView, low: Lowering) -> bool:
        return not n.is_float and takes(n)

    def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
        return (replace(portable[0], func=f"tm_{name}", header="pool_mve"),)

    def instructions(n: NodeView) -> float:
        kh, kw = n.attrs.kernel
        channels = n.y.shape[3]
        return n.y.elements / channels * (-(-channels // lanes) * (5.0 * kh * kw + 20.0 * kh + 40.0) + 60.0)

    return Variant(name, op, frozenset({"mve"}), applies, lower, instructions, code_bytes=code_bytes)

"""Arm Cortex-M4 with FPU: Technical Reference Manual (Arm 100166), tables of instruction timings and load/store timings."""

from tinyml.cycles.model import Core, InOrder, Kind
from tinyml.cycles.thumb import decode

# LDR takes 2 cycles, one less right behind another LDR. STR at a constant offset takes 1, its data goes through the write buffer; at a
# register offset 2, one less right behind an LDR. Nothing is pipelined behind a store, or with multiples, which take 1 + n. P, the
# refill behind a taken branch, is 1 to 3: taken as 2. LDR PC takes at least 5 in all, TBB and TBH 6. A divide takes 2 to 12: taken as 7.
_TIMES = InOrder(
    {
        Kind.LOAD: 2, Kind.STORE: 1, Kind.LOADS: 1, Kind.STORES: 1, Kind.DIVIDE: 7, Kind.TABLE: 4,
        Kind.FLOAT_MAC: 3, Kind.FLOAT_DIVIDE: 14, Kind.SYSTEM: 2,
    },
    follows_load=1, indexed_store=1, loaded_jump=2, refill=2,
)  # fmt: skip

CORE = Core(
    "Arm's instruction timings for the Cortex-M4; taken branches 3 cycles, divides 7; no stalls for an address that was just computed or is not aligned",
    decode,
    _TIMES.fixed,
    _TIMES.leaving,
)

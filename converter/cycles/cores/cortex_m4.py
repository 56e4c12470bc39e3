"""Arm Cortex-M4 with FPU: Technical Reference Manual (Arm 100166), tables of instruction timings and load/store timings."""

from tinyml.cycles.model import Core, InOrder, Kind
from tinyml.cycles.thumb import decode

# LDR and STR take 2 cycles, one less behind another of them, as does a store at a constant offset, whose data goes through the
# write buffer; multiples 1 + n. P, the refill behind a taken branch, is 1 to 3: taken as 2. A divide takes 2 to 12: taken as 7.
_TIMES = InOrder(
    {
        Kind.LOAD: 2, Kind.STORE: 1, Kind.LOADS: 1, Kind.STORES: 1, Kind.DIVIDE: 7, Kind.TABLE: 3,
        Kind.FLOAT_MAC: 3, Kind.FLOAT_DIVIDE: 14, Kind.SYSTEM: 2,
    },
    follows_memory=1, refill=2,
)  # fmt: skip

CORE = Core(
    "Arm's instruction timings for the Cortex-M4; taken branches 3 cycles, divides 7; no stalls for an address that was just computed",
    decode,
    _TIMES.fixed,
    _TIMES.leaving,
)

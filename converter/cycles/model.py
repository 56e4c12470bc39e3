"""What a timing model sees of an instruction, and what a core makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """Classes of instructions, as bench prints them."""

    ALU = "alu"
    MULTIPLY = "multiply"  # 32-bit result, with or without accumulation
    DSP = "dsp"  # dual and high-half multiplies
    LONG = "long multiply"  # 64-bit result
    DIVIDE = "divide"
    LOAD = "load"
    STORE = "store"
    LOADS = "load multiple"
    STORES = "store multiple"
    BRANCH = "branch"  # always taken, target in the instruction
    BRANCH_IF = "branch if"
    JUMP = "jump"  # target in a register or in memory: returns, calls through pointers
    TABLE = "table branch"
    FLOAT = "float"
    FLOAT_MAC = "float multiply-add"
    FLOAT_DIVIDE = "float divide"
    VECTOR = "vector"
    VECTOR_MEMORY = "vector load or store"
    SYSTEM = "system"


LEAVES = (Kind.BRANCH, Kind.JUMP, Kind.TABLE)


@dataclass(frozen=True)
class Insn:
    """n: registers of a load or store multiple. short: of a load, less than a word. leaves: it (also) sets the program counter.
    indexed: a load or store whose address is a register plus a register. loaded: a jump whose target comes from memory."""

    kind: Kind
    n: int = 1
    short: bool = False
    leaves: bool = False
    indexed: bool = False
    loaded: bool = False


@dataclass(frozen=True)
class Core:
    """decode: an instruction's bytes, in memory order. fixed: cycles of a block that is run through to its end, without those of
    leaving it. leaving: cycles more where its last instruction is this and the block behind it is not the next one to run.
    source: where the figures are from, and what is left out; said with every estimate. fetch_stalls: a jump waits for the flash, so
    that wait states of the memory that code runs from count once for each block that is left."""

    source: str
    decode: Callable[[bytes], Insn]
    fixed: Callable[[Sequence[Insn]], float]
    leaving: Callable[[Insn], float]
    fetch_stalls: bool = True


@dataclass(frozen=True)
class InOrder:
    """A core that issues one instruction at a time: `costs` (1 where a class is not in it) plus `each` per register of a
    multiple. follows_load: a load, or a store at a register offset, costs this much less right behind a load of one register, whose
    data phase its address phase overlaps; nothing does so behind a store. indexed_store: a store at a register offset costs this
    much more than one at a constant offset. loaded_jump: a jump to where memory says, more than to where a register says."""

    costs: Mapping[Kind, float]
    each: float = 1
    follows_load: float = 0
    indexed_store: float = 0
    loaded_jump: float = 0
    refill: float = 2
    refills: Mapping[Kind, float] = field(default_factory=dict)

    def fixed(self, block: Sequence[Insn]) -> float:
        total, before = 0.0, None
        for i in block:
            cost = self.costs.get(i.kind, 1)
            if i.kind in (Kind.LOADS, Kind.STORES):
                cost += self.each * i.n
            elif i.kind in (Kind.LOAD, Kind.STORE):
                cost += self.indexed_store if i.kind is Kind.STORE and i.indexed else 0
                cost -= self.follows_load if cost > 1 and before is Kind.LOAD else 0
            elif i.loaded:
                cost += self.loaded_jump
            total += cost
            before = i.kind
        return total

    def leaving(self, last: Insn) -> float:
        if last.kind is Kind.BRANCH_IF or last.kind in LEAVES or last.leaves:
            return self.refills.get(last.kind, self.refill)
        return 0.0

"""RV32IMAFC instructions by class. Source: The RISC-V Instruction Set Manual, volume I, tables of opcodes (chapters "RV32/64G
Instruction Set Listings" and "C" extension)."""

from __future__ import annotations

from tinyml.cycles.model import Insn, Kind

_MAJOR = {
    0x03: Kind.LOAD, 0x07: Kind.LOAD, 0x23: Kind.STORE, 0x27: Kind.STORE, 0x63: Kind.BRANCH_IF, 0x6F: Kind.BRANCH, 0x67: Kind.JUMP,
    0x43: Kind.FLOAT_MAC, 0x47: Kind.FLOAT_MAC, 0x4B: Kind.FLOAT_MAC, 0x4F: Kind.FLOAT_MAC,
    0x73: Kind.SYSTEM, 0x0F: Kind.SYSTEM, 0x2F: Kind.SYSTEM,
}  # fmt: skip


def decode(data: bytes) -> Insn:
    """The class of one instruction of 2 or 4 bytes."""
    if len(data) == 2:
        return _compressed(int.from_bytes(data, "little"))
    w = int.from_bytes(data, "little")
    major, middle, top = w & 0x7F, w >> 12 & 7, w >> 25
    if major == 0x33 and top == 1:
        return Insn((Kind.MULTIPLY, Kind.LONG, Kind.LONG, Kind.LONG, Kind.DIVIDE, Kind.DIVIDE, Kind.DIVIDE, Kind.DIVIDE)[middle])
    if major == 0x53:
        return Insn(Kind.FLOAT_DIVIDE if w >> 27 in (3, 11) else Kind.FLOAT)
    kind = _MAJOR.get(major, Kind.ALU)
    return Insn(kind, short=kind is Kind.LOAD and major == 0x03 and middle != 2)


def _compressed(h: int) -> Insn:
    quadrant, op = h & 3, h >> 13
    if quadrant == 0:
        return Insn(Kind.ALU if op == 0 else Kind.LOAD if op < 4 else Kind.STORE)
    if quadrant == 1:
        return Insn({1: Kind.BRANCH, 5: Kind.BRANCH, 6: Kind.BRANCH_IF, 7: Kind.BRANCH_IF}.get(op, Kind.ALU))
    if op == 4:
        register_alone = h >> 2 & 31 == 0 and h >> 7 & 31 != 0
        return Insn(Kind.JUMP if register_alone else Kind.ALU)  # C.JR, C.JALR; C.MV, C.ADD
    return Insn(Kind.ALU if op == 0 else Kind.LOAD if op < 4 else Kind.STORE)

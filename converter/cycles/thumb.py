"""Thumb instructions by class. Source: Armv7-M and Armv8-M Architecture Reference Manuals (Arm DDI 0403, DDI 0553), chapter
"The Thumb instruction set encoding". Only what timing models ask for is told apart."""

from __future__ import annotations

from tinyml.cycles.model import Insn, Kind

_PC = 15


def decode(data: bytes) -> Insn:
    """The class of one instruction of 2 or 4 bytes."""
    first = int.from_bytes(data[:2], "little")
    return _narrow(first) if len(data) == 2 else _wide(first, int.from_bytes(data[2:4], "little"))


def _narrow(h: int) -> Insn:
    top = h >> 12
    if top == 0b0100:
        return _narrow_4(h)
    if top == 0b0101:
        # STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH with a register offset
        op = h >> 9 & 7
        return Insn(Kind.STORE, indexed=True) if op < 3 else Insn(Kind.LOAD, short=op != 4, indexed=True)
    if top in (0b0110, 0b0111, 0b1000, 0b1001):
        return Insn(Kind.LOAD, short=top in (0b0111, 0b1000)) if h >> 11 & 1 else Insn(Kind.STORE)
    if top == 0b1011:
        return _narrow_misc(h)
    if top == 0b1100:
        return Insn(Kind.LOADS if h >> 11 & 1 else Kind.STORES, (h & 0xFF).bit_count())
    if top == 0b1101:
        return Insn(Kind.SYSTEM) if (h >> 8 & 15) >= 14 else Insn(Kind.BRANCH_IF)
    return Insn(Kind.BRANCH) if top == 0b1110 else Insn(Kind.ALU)


def _narrow_4(h: int) -> Insn:
    if h >> 11 == 0b01001:
        return Insn(Kind.LOAD)  # literal
    if h >> 8 == 0x47:
        return Insn(Kind.JUMP)  # BX, BLX
    if h >> 10 == 0b010001:
        # ADD and MOV of high registers; CMP has no destination
        rd = h & 7 | h >> 4 & 8
        return Insn(Kind.JUMP) if rd == _PC and h >> 8 & 3 != 1 else Insn(Kind.ALU)
    return Insn(Kind.MULTIPLY) if h >> 6 == 0b0100001101 else Insn(Kind.ALU)


def _narrow_misc(h: int) -> Insn:
    if h >> 9 & 7 == 0b010:  # PUSH, with LR or without
        return Insn(Kind.STORES, (h & 0x1FF).bit_count())
    if h >> 9 & 7 == 0b110:  # POP, with PC or without
        return Insn(Kind.LOADS, (h & 0x1FF).bit_count(), leaves=bool(h >> 8 & 1))
    return Insn(Kind.BRANCH_IF) if h & 0x0500 == 0x0100 else Insn(Kind.ALU)  # CBZ, CBNZ; the rest are extensions, hints, IT


def _wide(a: int, b: int) -> Insn:
    op = a >> 4 & 0x7F
    group = a >> 11 & 3
    if group == 1:
        if op & 0x64 == 0:
            n, load = b.bit_count(), a >> 4 & 1
            return Insn(Kind.LOADS, n, leaves=bool(b >> _PC)) if load else Insn(Kind.STORES, n)
        if op & 0x64 == 4:
            if a & 0xFFF0 == 0xE8D0 and b & 0xFFE0 == 0xF000:
                return Insn(Kind.TABLE)
            single = op & 0x7A in (0x40, 0x42) or (a & 0xFFE0 == 0xE8C0)  # exclusive accesses
            return Insn(Kind.LOADS if a >> 4 & 1 else Kind.STORES, 1 if single else 2)
        return _coprocessor(a, b) if op & 0x40 else Insn(Kind.ALU)
    if group == 2:
        return _branch(a, b) if b >> 15 else Insn(Kind.ALU)
    if op & 0x40:
        return _coprocessor(a, b)
    if op & 0x71 == 0:
        return Insn(Kind.STORE, indexed=_register_offset(a, b))
    if op & 0x61 == 1:
        word = op & 0x67 == 5
        load = Insn(Kind.LOAD, short=not word, indexed=_register_offset(a, b))
        return Insn(Kind.JUMP, loaded=True) if word and b >> 12 == _PC else load
    if op & 0x78 == 0x30:
        return Insn(Kind.MULTIPLY) if op & 7 == 0 else Insn(Kind.DSP)
    if op & 0x78 == 0x38:
        return Insn(Kind.DIVIDE) if op & 7 in (1, 3) and b >> 4 & 15 == 15 else Insn(Kind.LONG)
    return Insn(Kind.ALU)


def _register_offset(a: int, b: int) -> bool:
    return not a >> 7 & 1 and a & 15 != _PC and b & 0x0FC0 == 0


def _branch(a: int, b: int) -> Insn:
    kind = b >> 12 & 5
    if kind == 0:
        # B<c>.W, unless the condition's place holds 111x: MSR, MRS, hints, barriers
        return Insn(Kind.SYSTEM) if a >> 7 & 7 == 7 else Insn(Kind.BRANCH_IF)
    if kind == 4 and b & 1:
        # Armv8.1-M loops: LE goes back while there is more to do; DLS and WLS set the loop up
        return Insn(Kind.BRANCH_IF) if a & 0xFFC0 == 0xF000 else Insn(Kind.ALU)
    return Insn(Kind.BRANCH)


def _coprocessor(a: int, b: int) -> Insn:
    """FPU instructions (coprocessors 10 and 11) and Armv8.1-M vectors."""
    number = b >> 8 & 15
    if a >> 9 & 0x7F == 0b1110110 and a & 0x01E0 != 0x0040 and a & 0x01E0 != 0:
        words = b & 0xFF
        if number not in (10, 11):
            return Insn(Kind.VECTOR_MEMORY)
        load = bool(a >> 4 & 1)
        if a >> 8 & 1 and not a >> 5 & 1:  # P and no write-back: VLDR, VSTR
            return Insn(Kind.LOADS if load else Kind.STORES, 1 + (number == 11))
        return Insn(Kind.LOADS if load else Kind.STORES, words)
    if number not in (10, 11) or a >> 12 == 0xF:
        return Insn(Kind.VECTOR)
    if a >> 8 & 15 != 0b1110 or b >> 4 & 1:
        return Insn(Kind.FLOAT)  # moves between register files
    opcode = a >> 4 & 0xB
    if opcode == 0b1000 or (opcode == 0b1011 and a & 15 == 1 and b >> 6 & 3 == 3):
        return Insn(Kind.FLOAT_DIVIDE)
    return Insn(Kind.FLOAT_MAC) if opcode in (0, 1, 9, 10) else Insn(Kind.FLOAT)

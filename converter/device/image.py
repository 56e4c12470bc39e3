"""What a linked image holds, read from the ELF file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from tinyml.board import Bank
from tinyml.errors import BuildError


@dataclass(frozen=True)
class Section:
    name: str
    address: int
    size: int
    stored: bool  # its bytes are in the file, hence in the flash


@dataclass(frozen=True)
class Image:
    """Sections that occupy memory, and the symbols' (address, size)."""

    sections: tuple[Section, ...]
    symbols: dict[str, tuple[int, int]]
    entry: int

    def size(self, *names: str) -> int:
        """Bytes of the sections whose name, or name up to a dot, is one of `names`."""
        return sum(s.size for s in self.sections if any(s.name == n or s.name.startswith(n + ".") for n in names))


def read_image(path: Path) -> Image:
    """Raises BuildError where the file is no ELF image."""
    try:
        with open(path, "rb") as f:
            elf = ELFFile(f)
            sections = tuple(
                Section(s.name, s["sh_addr"], s["sh_size"], s["sh_type"] != "SHT_NOBITS")
                for s in elf.iter_sections()
                if s["sh_flags"] & SH_FLAGS.SHF_ALLOC and s["sh_size"]
            )
            table = elf.get_section_by_name(".symtab")
            symbols = {s.name: (s["st_value"], s["st_size"]) for s in table.iter_symbols()} if table else {}
            return Image(sections, symbols, elf.header["e_entry"])
    except (OSError, ELFError) as e:
        raise BuildError(path.name, f"is no readable ELF image ({e})", "build it again") from None


def read_producer(path: Path) -> str:
    """The compiler, as it wrote itself into the image: "gcc (distribution) 12.2.1"; "gcc" where it did not."""
    try:
        with open(path, "rb") as f:
            section = ELFFile(f).get_section_by_name(".comment")
            said = section.data().split(b"\0") if section else []
    except (OSError, ELFError) as e:
        raise BuildError(path.name, f"is no readable ELF image ({e})", "build it again") from None
    texts = [s.decode("ascii", "replace") for s in said if s]
    return texts[0].replace("GCC: ", "gcc ", 1) if texts else "gcc"


def flat_image(path: Path, banks: Sequence[Bank] = ()) -> tuple[int, bytes]:
    """The image as it lies in the flash: its first address, and its bytes with gaps of 0xFF. banks: only what lies in these."""
    with open(path, "rb") as f:
        elf = ELFFile(f)
        parts = sorted((s["p_paddr"], s.data()) for s in elf.iter_segments("PT_LOAD") if s["p_filesz"])
    if banks:
        parts = [(at, data) for at, data in parts if any(b.origin <= at < b.origin + b.size for b in banks)]
    if not parts:
        raise BuildError(path.name, "holds nothing to write", "build it again")
    origin = parts[0][0]
    out = bytearray()
    for address, data in parts:
        out += b"\xff" * (address - origin - len(out)) + data
    return origin, bytes(out)


def intel_hex(*parts: tuple[int, bytes]) -> str:
    """Intel HEX records of 16 bytes, with extended linear addresses; parts: addresses and what lies there."""

    def record(kind: int, address: int, body: bytes) -> str:
        raw = bytes((len(body), address >> 8 & 0xFF, address & 0xFF, kind)) + body
        return f":{(raw + bytes((-sum(raw) & 0xFF,))).hex().upper()}\n"

    lines, high = [], None
    for origin, data in parts:
        at = 0
        while at < len(data):
            address = origin + at
            if address >> 16 != high:
                high = address >> 16
                lines.append(record(4, 0, high.to_bytes(2, "big")))
            n = min(16 - address % 16, len(data) - at)
            lines.append(record(0, address & 0xFFFF, data[at : at + n]))
            at += n
    return "".join(lines) + record(1, 0, b"")

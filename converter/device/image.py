"""What a linked image holds, read from the ELF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

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

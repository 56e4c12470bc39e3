"""Constant tables of the generated C, each distinct content once, and values that may refer to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinyml.emit.values import CTYPES, c_array, c_geom, c_number
from tinyml.opspec import Geom, Table, Value


@dataclass(frozen=True, eq=False)
class EmittedTable:
    name: str
    ctype: str
    section: str
    elements: int
    bytes: int
    lines: list[str]

    def place(self, bank: str) -> str:
        """Name of its linker section; bank "": the main flash."""
        return f".bank_{bank}.{self.name}" if bank else f".tm_{self.section}.{self.name}"


@dataclass
class TableSet:
    """Tables seen so far; equal contents share one array."""

    prefix: str
    unique: list[EmittedTable] = field(default_factory=list)
    _by_content: dict[tuple[str, str, bytes], str] = field(default_factory=dict)

    def name(self, t: Table) -> str:
        data = np.ascontiguousarray(t.data)
        if data.size == 0:
            return "NULL"
        key = (t.section, data.dtype.str, data.tobytes())
        if key not in self._by_content:
            name = f"{self.prefix}_{t.name}_{len(self.unique)}"
            self._by_content[key] = name
            self.unique.append(
                EmittedTable(name, CTYPES[data.dtype.name], t.section, data.size, data.nbytes, c_array(data))
            )
        return self._by_content[key]

    def bytes(self, section: str) -> int:
        return sum(t.bytes for t in self.unique if t.section == section)


def c_value(v: Value, tables: TableSet) -> str:
    """A field of a params struct as an initialiser."""
    if isinstance(v, Geom):
        return c_geom(v)
    if isinstance(v, Table):
        return tables.name(v)
    if isinstance(v, tuple):
        return "{" + ", ".join(c_value(e, tables) for e in v) + "}"
    return "NULL" if v is None else c_number(v)

"""Bounds-checked reading of an untrusted FlatBuffer through the accessors that its schema compiler generated.

The generated Python accessors trust every offset in the file. They do all their reading through one object, ``_tab``;
:func:`checked` replaces it with a :class:`CheckedTable`, that verifies each root, vtable, offset, vector and string
against the file's size and the format's alignment rules before it is followed. So nothing can be read that was not
verified, and no read costs more than the bytes it returns. Format: flatbuffers.dev, "FlatBuffer Internals".
"""

from __future__ import annotations

import struct
from typing import Any, TypeVar

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from tinyml.opspec import Malformed

MAX_STRING = 512  # bytes of a name that are looked at; the rest is only bounds-checked

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_VTABLE = struct.Struct("<HH")
_SCALAR = {
    flags: struct.Struct("<" + code)
    for flags, code in (
        (number_types.BoolFlags, "?"),
        (number_types.Int8Flags, "b"),
        (number_types.Uint8Flags, "B"),
        (number_types.Int16Flags, "h"),
        (number_types.Uint16Flags, "H"),
        (number_types.Int32Flags, "i"),
        (number_types.Uint32Flags, "I"),
        (number_types.Int64Flags, "q"),
        (number_types.Uint64Flags, "Q"),
        (number_types.Float32Flags, "f"),
        (number_types.Float64Flags, "d"),
    )
}

A = TypeVar("A")


class Corrupt(Malformed):
    """The bytes are not the FlatBuffer they claim to be."""


class CheckedTable(Table):
    """The reads of ``flatbuffers.table.Table``, each verified first. `pos` is the table's start in `buf`.

    Raises Corrupt, from the constructor if the table or its vtable do not lie in the file.
    """

    __slots__ = ("_fields",)

    def __init__(self, buf: bytes, pos: int):
        self.Bytes, self.Pos = buf, pos
        size = len(buf)
        if pos % 4 or not 4 <= pos <= size - 4:
            raise Corrupt(f"table offset {pos} is misaligned or outside the file of {size} bytes")
        vtable = pos - _I32.unpack_from(buf, pos)[0]
        if vtable % 2 or not 0 <= vtable <= size - 4:
            raise Corrupt(f"vtable offset {vtable} is misaligned or outside the file of {size} bytes")
        length, extent = _VTABLE.unpack_from(buf, vtable)
        if length % 2 or length < 4 or vtable + length > size:
            raise Corrupt(f"vtable of {length} bytes at offset {vtable} does not fit the file of {size} bytes")
        if extent < 4 or pos + extent > size:
            raise Corrupt(f"table of {extent} bytes at offset {pos} does not fit the file of {size} bytes")
        self._fields = struct.unpack_from(f"<{length // 2 - 2}H", buf, vtable + 4)
        for field in self._fields:
            if field and not 4 <= field < extent:
                raise Corrupt(f"a field at {field} lies outside its table of {extent} bytes")

    def Offset(self, vtableOffset: int) -> int:
        slot = vtableOffset // 2 - 2
        return self._fields[slot] if slot < len(self._fields) else 0

    def Get(self, flags: Any, off: int) -> Any:
        scalar = _SCALAR[flags]
        if off % scalar.size or not 0 <= off <= len(self.Bytes) - scalar.size:
            raise Corrupt(f"a value of {scalar.size} bytes at offset {off} is misaligned or outside the file")
        return scalar.unpack_from(self.Bytes, off)[0]

    def Indirect(self, off: int) -> int:
        """The position that the unsigned offset stored at `off` leads to."""
        if off % 4 or not 0 <= off <= len(self.Bytes) - 4:
            raise Corrupt(f"an offset stored at {off} is misaligned or outside the file")
        target = off + _U32.unpack_from(self.Bytes, off)[0]
        if target > len(self.Bytes) - 4:
            raise Corrupt(f"offset {target}, stored at {off}, is outside the file of {len(self.Bytes)} bytes")
        return target

    def _span(self, off: int, width: int) -> tuple[int, int]:
        """(start, length) of the vector of `width`-byte elements whose offset is stored at `off`."""
        start = self.Indirect(off) + 4
        if start % 4:
            raise Corrupt(f"a vector at offset {start - 4} is misaligned")
        length = _U32.unpack_from(self.Bytes, start - 4)[0]
        if length * width > len(self.Bytes) - start:
            raise Corrupt(f"a vector of {length} elements at offset {start - 4} does not fit the file")
        return start, length

    def String(self, off: int) -> bytes:
        start, length = self._span(off, 1)
        return self.Bytes[start : start + min(length, MAX_STRING)]

    def VectorLen(self, off: int) -> int:
        return self._span(self.Pos + off, 1)[1]

    def Vector(self, off: int) -> int:
        return self._span(self.Pos + off, 1)[0]

    def Union(self, t2: Table, off: int) -> None:
        t2.Bytes, t2.Pos = self.Bytes, self.Indirect(self.Pos + off)

    def GetVectorAsNumpy(self, flags: Any, off: int) -> np.ndarray:
        """Read-only view of a vector of numbers; `flags` as in flatbuffers.number_types."""
        width = flags.bytewidth
        start, length = self._span(self.Pos + off, width)
        if start % width and length:
            raise Corrupt(f"a vector of {width}-byte elements at offset {start} is misaligned")
        return np.frombuffer(self.Bytes, number_types.to_numpy_type(flags), length, start)


def checked(accessor: A) -> A:
    """The same accessor, reading through a CheckedTable. Objects it returns must be passed through here again."""
    accessor._tab = CheckedTable(accessor._tab.Bytes, accessor._tab.Pos)  # type: ignore[attr-defined]
    return accessor


def at(cls: type[A], data: bytes, pos: int) -> A:
    """The accessor `cls` over the table at `pos`, verified."""
    accessor = cls()
    accessor._tab = CheckedTable(data, pos)  # type: ignore[attr-defined]
    return accessor


def root(cls: type[A], data: bytes, identifier: bytes) -> A:
    """The root table of `data`, whose file identifier must be `identifier`."""
    if len(data) < 12:
        raise Corrupt(f"{len(data)} bytes are too few for a model")
    if data[4:8] != identifier:
        raise Corrupt(f"file identifier {data[4:8]!r} is not {identifier!r}")
    return at(cls, data, _U32.unpack_from(data)[0])


# vtable of 4 bytes, table of 4 bytes: every accessor over it gives its schema's default
_EMPTY = struct.pack("<HHi", 4, 4, 4)


def defaults(cls: type[A]) -> A:
    return at(cls, _EMPTY, 4)

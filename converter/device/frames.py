"""Frames of the runner's protocol (docs/protocol.md): encoding, and finding them in a stream that loses or changes bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

VERSION = 1
SYNC = b"\xa5\x5a"
ANSWER = 0x80
FAULT = 0xFF
_FIELDS = struct.Struct("<BBHHH")  # version, command, session, sequence, length; 2 bytes of sync before, 2 of check behind
HEADER_BYTES = 12
CRC_BYTES = 4
OVERHEAD_BYTES = HEADER_BYTES + CRC_BYTES


@dataclass(frozen=True)
class Frame:
    """payload is None where the frame was damaged; the numbers are 0 where its header was."""

    command: int
    session: int
    seq: int
    payload: bytes | None
    version: int = VERSION


def encode(f: Frame) -> bytes:
    payload = f.payload or b""
    fields = _FIELDS.pack(f.version, f.command, f.session, f.seq, len(payload))
    body = fields + struct.pack("<H", zlib.crc32(fields) & 0xFFFF) + payload
    return SYNC + body + struct.pack("<I", zlib.crc32(body))


class Parser:
    """Feed it whatever arrives; it yields whole frames, and damaged ones with payload None."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether a frame has begun whose end has not come."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._buffer += data
        while (f := self._next()) is not None:
            yield f

    def _next(self) -> Frame | None:
        b = self._buffer
        while True:
            start = b.find(SYNC)
            if start < 0:
                del b[: len(b) - (1 if b[-1:] == SYNC[:1] else 0)]
                return None
            del b[:start]
            if len(b) < HEADER_BYTES:
                return None
            fields = bytes(b[2:10])
            if zlib.crc32(fields) & 0xFFFF == int.from_bytes(b[10:12], "little"):
                break
            del b[:1]
            return Frame(0, 0, 0, None)
        version, command, session, seq, length = _FIELDS.unpack(fields)
        end = HEADER_BYTES + length
        if len(b) < end + CRC_BYTES:
            return None
        body = memoryview(b)[2:end]
        good = zlib.crc32(body) == int.from_bytes(b[end : end + CRC_BYTES], "little")
        body.release()
        if not good:
            del b[:1]  # a repetition may have begun inside
            return Frame(command, session, seq, None, version)
        payload = bytes(b[HEADER_BYTES:end])
        del b[: end + CRC_BYTES]
        return Frame(command, session, seq, payload, version)

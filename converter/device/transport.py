"""Byte streams to a running firmware: pipes of a process, a socket of an emulator, a serial port. All waits are bounded."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any, Protocol

from serial import SerialTimeoutException

from tinyml.errors import DeviceError, Timeout, printable


class Transport(Protocol):
    name: str
    bytes_per_s: float  # a cautious estimate: how long to wait before a frame counts as lost

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, at least one byte; nothing after `timeout_s`. DeviceError where the other side is gone."""

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of `data`. Timeout where it can not be got rid of."""

    def close(self) -> None: ...


class FdTransport:
    """A pair of non-blocking file descriptors. `why_gone` explains the end of the stream to the user."""

    def __init__(
        self,
        name: str,
        read_fd: int,
        write_fd: int,
        close: Callable[[], None],
        why_gone: Callable[[], str] = lambda: "closed the connection",
        bytes_per_s: float = 2e6,
    ):
        self.name, self.bytes_per_s = name, bytes_per_s
        self._r, self._w, self._close, self._why_gone = read_fd, write_fd, close, why_gone
        self._early = bytearray()  # arrived while we were writing
        for fd in (read_fd, write_fd):
            os.set_blocking(fd, False)

    def read(self, timeout_s: float) -> bytes:
        if self._early:
            data, self._early = bytes(self._early), bytearray()
            return data
        return self._read(timeout_s)

    def _read(self, timeout_s: float) -> bytes:
        if not select.select([self._r], [], [], max(0.0, timeout_s))[0]:
            return b""
        try:
            data = os.read(self._r, 1 << 18)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            raise DeviceError(self.name, self._why_gone(), "run again; if it stays, report it")
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        view, end = memoryview(data), time.monotonic() + timeout_s
        while view:
            try:
                view = view[os.write(self._w, view) :]
            except BlockingIOError:
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(self.name, "does not take any more bytes", "reset the board and try again") from None
                # both sides may be writing with full buffers: taking what comes lets the other one go on
                if select.select([self._r], [self._w], [], left)[0]:
                    self._early += self._read(0)
            except OSError:
                raise DeviceError(self.name, self._why_gone(), "run again; if it stays, report it") from None

    def close(self) -> None:
        self._close()


class SerialTransport:
    """An open pyserial port (or socket://, or a pty). on_close runs once the port is closed; `why_gone` may explain its failure."""

    def __init__(
        self, port: Any, name: str, baud: int, on_close: Callable[[], None] = lambda: None, why_gone: Callable[[], str] = lambda: ""
    ):
        self.name, self._port, self._on_close, self._why_gone = name, port, on_close, why_gone
        self.bytes_per_s = max(baud, 9600) / 10

    def read(self, timeout_s: float) -> bytes:
        try:
            self._port.timeout = max(0.0, timeout_s)
            first = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (OSError, TypeError) as e:  # pyserial's SerialException is an OSError; TypeError: closed under us
            raise self._failed(e) from None

    def write(self, data: bytes, timeout_s: float) -> None:
        try:
            self._port.write_timeout = timeout_s
            self._port.write(data)
        except SerialTimeoutException:
            raise Timeout(self.name, "does not take any more bytes", "reset the board and try again") from None
        except (OSError, TypeError) as e:
            raise self._failed(e) from None

    def _failed(self, error: Exception) -> DeviceError:
        gone = self._why_gone()
        if gone:
            return DeviceError(self.name, gone, "run again; if it stays, report it")
        return DeviceError(self.name, f"the serial port failed ({printable(error, 200)})", "check the cable, then try again")

    def close(self) -> None:
        try:
            self._port.close()
        finally:
            self._on_close()

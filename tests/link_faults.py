"""A line between host and firmware that loses, changes, repeats and cuts bytes, or whose device is reset."""

from __future__ import annotations

import random
import select
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from tinyml.board import Board
from tinyml.device.emulate import emulator_command, open_port, start_process
from tinyml.device.serial import Link


class Faulty:
    """Wraps a transport. flip, drop: chance per byte; repeat, cut: chance per write or read of the whole to be doubled
    or to lose its tail; reset_after: bytes written after which the device is replaced by a fresh one, over and over."""

    bytes_per_s = 1e6

    def __init__(self, start: Callable[[], Link], seed: int, flip=0.0, drop=0.0, repeat=0.0, cut=0.0, reset_after=0):
        self.rng = random.Random(seed)
        self.start, self.flip, self.drop, self.repeat, self.cut, self.reset_after = start, flip, drop, repeat, cut, reset_after
        self.inner = start().transport
        self.name = self.inner.name
        self.written, self.resets = 0, 0

    def _spoil(self, data: bytes) -> bytes:
        r, out = self.rng, bytearray()
        for byte in data:
            if r.random() < self.drop:
                continue
            out.append(byte ^ 1 << r.randrange(8) if r.random() < self.flip else byte)
        if r.random() < self.cut:
            del out[r.randrange(len(out) + 1) :]
        return bytes(out) * 2 if r.random() < self.repeat else bytes(out)

    def read(self, timeout_s: float) -> bytes:
        return self._spoil(self.inner.read(timeout_s))

    def write(self, data: bytes, timeout_s: float) -> None:
        self.written += len(data)
        if self.reset_after and self.written > self.reset_after:
            self.written, self.resets = 0, self.resets + 1
            self.inner.close()
            self.inner = self.start().transport
        self.inner.write(self._spoil(data), timeout_s)

    def close(self) -> None:
        self.inner.close()


def faulty_link(program: Path, seed: int, **faults) -> tuple[Link, Faulty]:
    line = Faulty(lambda: start_process(program), seed, **faults)
    return Link(line, timeout_s=20.0), line


class EmulatedLine:
    """A proxy between host and QEMU: both sides are real byte streams, and the emulated machine can be reset in the middle.

    Faults as in Faulty, for what arrives within 2 ms of each other; reset_after: bytes to the device between two resets,
    which fall into the middle of a write."""

    def __init__(self, board: Board, elf: Path, folder: Path, seed: int, flip=0.0, drop=0.0, repeat=0.0, cut=0.0, reset_after=0):
        self.rng = random.Random(seed)
        self.flip, self.drop, self.repeat, self.cut, self.reset_after = flip, drop, repeat, cut, reset_after
        self.written, self.resets, self.spoilt = 0, 0, 0
        listener = socket.create_server(("127.0.0.1", 0))
        serial = socket.socket(socket.AF_UNIX)
        serial.bind(str(folder / "serial"))
        serial.listen(1)
        words = [*emulator_command(board, elf, f"unix:{folder / 'serial'}"), "-qmp", f"unix:{folder / 'qmp'},server=on,wait=off"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        serial.settimeout(20)
        self.device = serial.accept()[0]
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(str(folder / "qmp"))
        self.control.settimeout(20)
        self._say = self.control.makefile("rw", encoding="utf-8")
        self._say.readline()  # the greeting
        self._execute("qmp_capabilities")
        port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        self.link = open_port(board, port)
        self.host = listener.accept()[0]
        self.host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.close()
        serial.close()
        self._running = True
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _execute(self, command: str) -> None:
        self._say.write(f'{{"execute": "{command}"}}\n')
        self._say.flush()
        while '"return"' not in self._say.readline():
            pass

    def _pump(self) -> None:
        try:
            while self._running:
                for source in select.select([self.host, self.device], [], [], 0.1)[0]:
                    data = b""
                    while select.select([source], [], [], 0.002)[0]:
                        piece = source.recv(4096)
                        if not piece:
                            return
                        data += piece
                    self._to_device(data) if source is self.host else self.host.sendall(self._spoil(data))
        except OSError:
            return

    def _to_device(self, data: bytes) -> None:
        self.written += len(data)
        data = self._spoil(data)
        if self.reset_after and self.written > self.reset_after:
            self.written, self.resets = 0, self.resets + 1
            half = self.rng.randrange(len(data) + 1)
            self.device.sendall(data[:half])
            self._execute("system_reset")
            data = data[half:]
        self.device.sendall(data)

    def _spoil(self, data: bytes) -> bytes:
        r, out = self.rng, bytearray()
        for byte in data:
            if r.random() < self.drop:
                continue
            out.append(byte ^ 1 << r.randrange(8) if r.random() < self.flip else byte)
        if r.random() < self.cut:
            del out[r.randrange(len(out) + 1) :]
        sent = bytes(out) * 2 if r.random() < self.repeat else bytes(out)
        self.spoilt += sent != data
        return sent

    def close(self) -> None:
        self._running = False
        self.link.close()
        self._thread.join(5)
        self.process.kill()
        self.process.wait()
        for s in (self.host, self.device, self.control):
            s.close()

    def __enter__(self) -> EmulatedLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""One request at a time over a line that may lose, repeat or change bytes: retries until the answer is right."""

from __future__ import annotations

import secrets
import time
from collections import deque

from tinyml.device.frames import ANSWER, FAULT, VERSION, Frame, Parser, encode
from tinyml.device.transport import Transport
from tinyml.errors import DeviceError, Timeout

IDENTIFY = 1
OK, BAD_FRAME, BAD_VERSION, BAD_COMMAND, BAD_SESSION, BAD_SEQUENCE, BAD_ARGUMENT, BAD_INPUT, NOT_READY, MODEL_FAILED = range(10)
_TEXT = {
    BAD_COMMAND: "the firmware does not know this command",
    BAD_ARGUMENT: "the firmware refused an argument",
    NOT_READY: "the firmware refused the order of commands",
    MODEL_FAILED: "the firmware's model failed",
}
MIN_CHUNK = 40  # below, a frame is mostly its own header
_GROW_AFTER = 64  # requests without a retry after which larger frames are tried again
_PAD = bytes(8)  # on a noisy line: lets a frame that lost bytes fail at once instead of waiting for more
_NOISY = 64  # requests after the last damage during which a line counts as noisy
_COMPUTING_S = 0.5  # on a clean line: how long a command that computes is left alone before it is asked for again
_PAUSE_S = 0.03  # silence in the middle of an answer after which, on a noisy line, the rest does not come


class SessionLost(DeviceError):
    """The device does not know the session: it has been reset. Everything in its memory is to be sent again."""


class InputLost(DeviceError):
    """The device's copy of an input is not what was sent: send the input again."""


class Link:
    """`request` is safe to repeat: the device executes a sequence number once and tells its answer again.

    chunk: bytes of payload that have a good chance to arrive, at most the device's limit. retries, sent, received: counts.
    """

    def __init__(self, transport: Transport, timeout_s: float = 10.0):
        self.transport, self.timeout_s = transport, timeout_s
        self.max_payload = self.chunk = 128
        self.retries = 0
        self._parser, self._frames = Parser(), deque[Frame]()
        self._session, self._seq = 0, 0
        self._rtt, self._quiet = 0.05, 0
        self._noisy, self._heard = 0, False  # heard: something has come since the request was sent
        self._computing: dict[int, float] = {}  # seconds that a command which computes took

    @property
    def name(self) -> str:
        return self.transport.name

    def open(self, timeout_s: float | None = None) -> bytes:
        """Starts a new session; returns the answer to IDENTIFY."""
        self._session = (self._session + 1 + secrets.randbelow(0xFFF0)) % 0xFFFF + 1
        self._seq = 0xFFFF
        return self.request(IDENTIFY, b"", timeout_s)

    def request(self, command: int, payload: bytes, timeout_s: float | None = None) -> bytes:
        """The answer's payload. Raises Timeout, SessionLost, InputLost, or DeviceError for a refusal or a fault."""
        self._seq = (self._seq + 1) & 0xFFFF
        frame = encode(Frame(command, self._session, self._seq, payload))
        start = time.monotonic()
        end = start + (self.timeout_s if timeout_s is None else timeout_s)
        transfer = 2 * (len(frame) + self.chunk) / self.transport.bytes_per_s
        computing = (
            0.0
            if timeout_s is None or command == IDENTIFY
            else max(1.5 * self._computing.get(command, 0.0), 0.0 if self._noisy else _COMPUTING_S)
        )
        wait, tries = max(0.02, 4 * self._rtt) + transfer + computing, 0
        while True:
            now = time.monotonic()
            if now >= end:
                raise Timeout(self.name, f"no answer to command {command} within {end - start:.0f} s", "reset the board, or check the port")
            self._heard = False
            self.transport.write(frame + (_PAD if tries or self._noisy else b""), max(0.1, end - now))
            answer = self._await(command, min(end, time.monotonic() + wait))
            if answer is not None:
                self._learn(command, tries, time.monotonic() - start, timeout_s is not None)
                return answer
            tries += 1
            self.retries += 1
            wait = min(1.3 * wait, 2.0 + transfer)

    def _learn(self, command: int, tries: int, seconds: float, computes: bool) -> None:
        """Adapts frame size and patience. The time of a command that computes says nothing of the line: asking again while it
        runs is no reason for smaller frames."""
        if computes:
            self._computing[command] = min(seconds, self._computing.get(command, seconds))
            return
        self._noisy = _NOISY if tries else max(0, self._noisy - 1)
        if tries:
            self.chunk, self._quiet = max(MIN_CHUNK, self.chunk // 2), 0
            return
        self._rtt += 0.3 * (min(seconds, 1.0) - self._rtt)
        self._quiet += 1
        if self._quiet >= _GROW_AFTER:
            self.chunk, self._quiet = min(self.max_payload, 2 * self.chunk), 0

    def _await(self, command: int, until: float) -> bytes | None:
        """The answer's payload without its status, or None where the request is to be repeated."""
        while True:
            f = self._receive(until)
            if f is None:
                return None
            if f.command == FAULT and f.payload is not None and len(f.payload) == 8:
                cause, at = (int.from_bytes(f.payload[k : k + 4], "little") for k in (0, 4))
                raise DeviceError(self.name, f"the firmware crashed (cause {cause:#x} at {at:#x})", "report it with the model")
            if f.session == 0 and (f.payload is None or f.payload == bytes([BAD_FRAME])):
                return None  # a header was damaged, on the way here or there: it can only be repeated
            if (f.command, f.session, f.seq) != (command | ANSWER, self._session, self._seq):
                continue  # the answer to an earlier repetition
            if not f.payload or f.payload[0] == BAD_FRAME:
                return None
            if f.version != VERSION:
                raise DeviceError(self.name, f"speaks protocol version {f.version}, this tool {VERSION}", "flash the board again")
            self._refuse(command, f.payload)
            return f.payload[1:]

    def _refuse(self, command: int, payload: bytes) -> None:
        status = payload[0]
        if status == OK:
            return
        if status in (BAD_SESSION, BAD_SEQUENCE):
            raise SessionLost(self.name, "the device was reset", "run again")
        if status == BAD_INPUT:
            raise InputLost(self.name, "the device lost a part of the input", "run again")
        if status == BAD_VERSION:
            raise DeviceError(self.name, "the firmware speaks another protocol version", "flash the board again")
        detail = f" with status {payload[1]}" if status == MODEL_FAILED and len(payload) > 1 else ""
        raise DeviceError(
            self.name, f"{_TEXT.get(status, f'refused with code {status}')}{detail} (command {command})", "flash the board again"
        )

    def _receive(self, until: float) -> Frame | None:
        while not self._frames:
            left = until - time.monotonic()
            if left <= 0:
                return None
            cut = self._noisy > 0 and self._heard and self._parser.waiting
            data = self.transport.read(min(left, _PAUSE_S) if cut else left)
            if cut and not data:
                return None
            self._heard = self._heard or bool(data)
            self._frames.extend(self._parser.feed(data))
        return self._frames.popleft()

    def close(self) -> None:
        self.transport.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

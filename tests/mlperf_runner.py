"""A host of the MLPerf Tiny text commands, written from their public description: the other side of runtime_c/runner/text.c.

It knows nothing of this project's frames. `python tests/mlperf_runner.py PORT INPUT.bin` measures one input on a board."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from typing import Any

BYTES_PER_LINE = 31


@dataclass(frozen=True)
class Measured:
    """us: the measured inferences together."""

    us: int
    iterations: int
    results: tuple[str, ...]


class Runner:
    """port: an open pyserial port, or anything with its read, write and timeout."""

    def __init__(self, port: Any, timeout_s: float = 60.0):
        self.port, self.timeout_s = port, timeout_s
        self.port.timeout = 0.1

    def command(self, text: str) -> list[str]:
        """Sends one command; the lines of the answer up to and without m-ready. TimeoutError where that does not come."""
        self.port.write(text.encode() + b"%")
        return self.answer(text)

    def answer(self, to: str = "") -> list[str]:
        line, lines, end = b"", [], time.monotonic() + self.timeout_s
        while time.monotonic() < end:
            byte = self.port.read(1)
            if byte == b"\n":
                lines.append(line.decode("ascii").rstrip("\r"))
                if lines[-1] == "m-ready":
                    return lines[:-1]
                line = b""
            else:
                line += byte
        raise TimeoutError(f"no m-ready after {to!r}; came: {lines} {line!r}")

    def until_ready(self, patience_s: float = 30.0) -> str:
        """Asks for the name until the device answers; returns it. What is left of earlier talk is read and dropped."""
        end, patience = time.monotonic() + patience_s, self.timeout_s
        self.timeout_s = 2.0
        try:
            while time.monotonic() < end:
                try:
                    for line in self.command("name"):
                        if m := re.fullmatch(r"m-name-dut-\[(.+)\]", line):
                            return m[1]
                except (TimeoutError, UnicodeDecodeError):
                    continue
            raise TimeoutError("the device does not tell its name")
        finally:
            self.timeout_s = patience

    def model(self) -> str:
        return _find(r"m-model-\[(.+)\]", self.command("profile"))

    def timestamp_us(self) -> int:
        return int(_find(r"m-lap-us-(\d+)", self.command("timestamp")))

    def load(self, data: bytes) -> None:
        _find(rf"m-\[Expecting {len(data)} bytes\]", self.command(f"db load {len(data)}"))
        answer: list[str] = []
        for at in range(0, len(data), BYTES_PER_LINE):
            answer = self.command("db " + data[at : at + BYTES_PER_LINE].hex())
        _find("m-load-done", answer)

    def infer(self, iterations: int, warmup: int) -> Measured:
        lines = self.command(f"infer {iterations} {warmup}")
        laps = [int(m[1]) for line in lines if (m := re.fullmatch(r"m-lap-us-(\d+)", line))]
        if len(laps) != 2 or "m-infer-done" not in lines:
            raise ValueError(f"not an inference: {lines}")
        return Measured(laps[1] - laps[0], iterations, _results(lines))

    def results(self) -> tuple[str, ...]:
        return _results(self.command("results"))


def _find(pattern: str, lines: list[str]) -> str:
    for line in lines:
        if m := re.fullmatch(pattern, line):
            return m[1] if m.re.groups else line
    raise ValueError(f"no {pattern} in {lines}")


def _results(lines: list[str]) -> tuple[str, ...]:
    return tuple(_find(r"m-results-\[(.*)\]", lines).split(","))


def main() -> None:
    import serial

    with serial.Serial(sys.argv[1], 115200) as port, open(sys.argv[2], "rb") as f:
        runner = Runner(port)
        print(runner.until_ready(), runner.model())
        runner.load(f.read())
        got = runner.infer(10, 1)
        print(f"{got.us / got.iterations:.1f} us", *got.results)


if __name__ == "__main__":
    main()

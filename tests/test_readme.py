"""The terminal session in README is what the tool prints, line by line. `python tests/test_readme.py` records it anew.

The commands run in an empty folder with `examples` beside them, stdout is compared, and only this may differ:
- the compiler's version; with another version than the recorded one every number too, since another compiler makes other code;
- which package brings the reference kernels (ai_edge_litert, or tensorflow);
- blanks at the end of a line, and empty lines between two commands.
PlatformIO's core folder is empty, so that the cross compiler builds the image.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conftest import REPO, needs

README = REPO / "README.md"
PROMPT = "$ tinyml "
COMPILER = re.compile(r"\S*\bg?cc \([^)]*\) [\d.]+(?: \d{8})?")
WITNESS = re.compile(r"\b(ai_edge_litert|tensorflow|tflite_runtime)\b")
NUMBER = re.compile(r"\d[\d,.]*")
BLOCK = re.compile(rf"^```\n({re.escape(PROMPT)}.*?)^```$", re.MULTILINE | re.DOTALL)


def session(text: str) -> list[tuple[str, list[str]]]:
    """The commands of README's session and the lines that each prints."""
    out: list[tuple[str, list[str]]] = []
    for line in BLOCK.search(text)[1].splitlines():  # type: ignore[index]
        if line.startswith(PROMPT):
            out.append((line[len(PROMPT) :], []))
        else:
            out[-1][1].append(line.rstrip())
    return [(command, _without_empty_end(lines)) for command, lines in out]


def perform(command: str, folder: Path) -> list[str]:
    """Lines that the command prints to stdout, run in `folder`."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(REPO / "examples")
    env = {**os.environ, "PLATFORMIO_CORE_DIR": str(folder / "platformio"), "COLUMNS": "80"}
    words = [sys.executable, "-m", "tinyml", *shlex.split(command)]
    p = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert p.returncode == 0, p.stderr[-2000:]
    return _without_empty_end([line.rstrip() for line in p.stdout.splitlines()])


def _without_empty_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def normal(lines: list[str], numbers: bool) -> list[str]:
    out = [WITNESS.sub("<witness>", COMPILER.sub("<compiler>", line)) for line in lines]
    return out if numbers else [re.sub(" +", " ", NUMBER.sub("#", line)) for line in out]


def compilers(sessions: list[tuple[str, list[str]]]) -> set[str]:
    return {m[0] for _, lines in sessions for line in lines for m in COMPILER.finditer(line)}


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_the_session_is_what_the_tool_prints(tmp_path):
    shown = session(README.read_text(encoding="utf-8"))
    printed = [(command, perform(command, tmp_path)) for command, _ in shown]
    assert len(compilers(shown)) == len(compilers(printed)) == 1
    same = compilers(shown) == compilers(printed)
    for (command, want), (_, got) in zip(shown, printed, strict=True):
        assert normal(got, same) == normal(want, same), f"`tinyml {command}` prints something else; `python tests/{Path(__file__).name}` records it anew"


def test_the_session_shows_the_whole_way_on_a_board_that_is_not_there():
    commands = [command for command, _ in session(README.read_text(encoding="utf-8"))]
    assert [c.split()[0] for c in commands] == ["build", "verify", "bench"]
    assert all("--port emulator" in c for c in commands[1:]) and all("examples/digits/digits.tflite" in c for c in commands)


def test_only_what_must_vary_is_overlooked():
    line = "digits.tflite -> build/digits (firmware.elf, arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205)"
    other = line.replace("15:12.2.rel1-1", "13.2").replace("12.2.1 20221205", "13.2.0")
    assert line != other and normal([line], True) == normal([other], True) != normal([line.replace("digits", "x")], True)
    assert normal(["RAM 1,234 B"], True) != normal(["RAM 1,235 B"], True)
    assert normal(["RAM   1,234 B"], False) == normal(["RAM 12,345 B"], False) != normal(["ROM 1,234 B"], False)


def record() -> None:
    """Puts what the commands print now into README."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        parts = ["\n".join([PROMPT + command, *perform(command, Path(folder))]) + "\n" for command, _ in session(text)]
    README.write_text(BLOCK.sub(lambda m: "```\n" + "\n".join(parts) + "```", text, count=1), encoding="utf-8")


if __name__ == "__main__":
    record()

"""The programs a board needs from the system, and how to install the ones that are not there."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from tinyml.board import Board, load_board

DEFAULT_BOARD = "stm32f746"


@dataclass(frozen=True)
class Tool:
    """path is None where the program is not installed; apt: the Debian packages that bring it. `purpose`: build or emulate."""

    program: str
    purpose: str
    apt: tuple[str, ...]
    path: str | None


def find_tools(board: Board) -> tuple[Tool, ...]:
    """Compiler and emulator of a board, found or not."""
    wanted = [(board.toolchain.cc, "build", board.toolchain.apt)]
    if board.emulator:
        wanted.append((board.emulator.binary, "emulate", board.emulator.apt))
    return tuple(Tool(program, purpose, apt, shutil.which(program)) for program, purpose, apt in wanted)


def missing_tools(board: Board, purpose: str | None = None) -> tuple[Tool, ...]:
    """What is not installed, for one purpose or for all."""
    return tuple(t for t in find_tools(board) if t.path is None and purpose in (None, t.purpose))


def install_command(tools: tuple[Tool, ...]) -> str:
    """The command that installs them; empty where nothing is missing."""
    packages = sorted({p for t in tools for p in t.apt})
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {' '.join(packages)}" if packages else ""


def default_board() -> Board:
    """The board used where none is named: the host, where its cross compiler is not installed."""
    board = load_board(DEFAULT_BOARD)
    return load_board("host") if missing_tools(board, "build") else board

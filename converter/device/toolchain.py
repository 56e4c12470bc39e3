"""Who builds a board's image: PlatformIO, or the cross compiler directly."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.board import Board
from tinyml.device.platformio import INSTALL, is_installed, missing_packages, require_platformio
from tinyml.device.tools import install_command, missing_tools

TOOLCHAINS = ("pio", "gcc")


@dataclass(frozen=True)
class Choice:
    """name: pio or gcc, None where neither can build; why: that, and what to do about it."""

    name: str | None
    why: str = ""


def choose_toolchain(board: Board, wanted: str | None) -> Choice:
    """`wanted`, else PlatformIO where all that it needs for the board is installed, else the cross compiler.

    A build that nobody asked to use PlatformIO never downloads. Raises UsageError or BuildError where `wanted` can not be used."""
    if wanted == "pio":
        require_platformio(board)
    if wanted:
        return Choice(wanted)
    if board.platformio and is_installed() and not missing_packages(board):
        return Choice("pio")
    tools = missing_tools(board, "build")
    if not tools and not board.framework:
        return Choice("gcc")
    ways = []
    if tools and not board.framework:
        ways.append(f"run: {install_command(tools)}")
    if board.platformio:
        ways.append("use --toolchain pio, which downloads what it needs" if is_installed() else f"run: {INSTALL}, and use --toolchain pio")
    what = (
        f"{tools[0].program} is not installed"
        if tools and not board.framework
        else f"{board.name} is built by PlatformIO, whose packages are missing"
    )
    return Choice(None, f"{what}; {', or '.join(ways)}")

"""The linker script of a board's image, from its memory banks."""

from __future__ import annotations

from dataclasses import replace

from tinyml.board import Bank, Board
from tinyml.emit.project import render

WEIGHTS_SECTION = ".tm_weights"
STACK_SECTION = ".stack"


def image_banks(board: Board, stand_in: bool) -> tuple[Bank, ...]:
    """The banks as the image sees them: a stand-in moves their origins, and keeps their sizes where its machine has them."""
    moved, less = (board.emulator.origins, board.emulator.sizes) if stand_in and board.emulator else ({}, {})
    return tuple(replace(b, origin=moved.get(b.name, b.origin), size=less.get(b.name, b.size)) for b in board.banks)


def linker_script(board: Board, stand_in: bool = False) -> str:
    return render(
        board.firmware.linker_script or "", board=board.name, entry=board.firmware.entry, banks=image_banks(board, stand_in),
        flash=board.main_bank("flash").name, ram=board.main_bank("ram").name, stack_bytes=board.stack_bytes,
    )  # fmt: skip

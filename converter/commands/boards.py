"""`tinyml boards`: the board catalogue."""

from __future__ import annotations

import argparse

from rich.table import Table

from tinyml.board import list_boards, load_board
from tinyml.commands.common import Command, Console


def run(args: argparse.Namespace, console: Console) -> None:
    boards = [load_board(name) for name in list_boards()]
    table = Table(box=None, pad_edge=False)
    for title, justify in (
        ("board", "left"),
        ("core", "left"),
        ("RAM", "right"),
        ("flash", "right"),
        ("MHz", "right"),
        ("emulator", "left"),
        ("title", "left"),
    ):
        table.add_column(title, justify=justify, no_wrap=title != "title")
    rows = []
    for b in boards:
        stand_in = "-" if b.emulator is None else ("stand-in" if b.stand_in else "same image")
        ram, flash = ("-", "-") if b.is_host else (f"{b.ram_bytes:,}", f"{b.flash_bytes:,}")
        table.add_row(b.name, b.core, ram, flash, f"{b.f_cpu_hz / 1e6:g}" if b.f_cpu_hz else "-", stand_in, b.title)
        rows.append(
            {
                "name": b.name, "title": b.title, "core": b.core, "isa": sorted(b.isa), "f_cpu_hz": b.f_cpu_hz,
                "ram_bytes": b.ram_bytes, "flash_bytes": b.flash_bytes, "emulator": None if b.emulator is None else stand_in,
                "framework": b.framework,
                "banks": [{"name": k.name, "kind": k.kind, "origin": k.origin, "size": k.size} for k in b.banks],
            }
        )  # fmt: skip
    console.text.print(table)
    console.result(rows)


COMMAND = Command("boards", 60, "list the boards", lambda p: None, run)

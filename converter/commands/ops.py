"""`tinyml ops`: the operators this version builds."""

from __future__ import annotations

import argparse

from rich.table import Table

from tinyml.commands.common import Command, Console
from tinyml.opspec import model_ops


def run(args: argparse.Namespace, console: Console) -> None:
    specs = [s for _, s in sorted(model_ops().items())]
    table = Table(box=None, pad_edge=False)
    for title in ("operator", "types", "what", "limits"):
        table.add_column(title)
    for s in specs:
        table.add_row(s.name, " ".join(s.dtypes), s.summary, ", ".join(s.c_limits))
    console.text.print(table)
    console.result([{"name": s.name, "dtypes": list(s.dtypes), "summary": s.summary, "limits": list(s.c_limits)} for s in specs])


COMMAND = Command("ops", 70, "list the operators that can be built", lambda p: None, run)

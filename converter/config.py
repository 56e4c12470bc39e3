"""`tinyml.toml` in the current folder: defaults for a project's model, board, data and budgets."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from tinyml.errors import UsageError

FILE = "tinyml.toml"


@dataclass(frozen=True)
class Config:
    model: str | None = None
    board: str | None = None
    data: str | None = None
    ram: int | None = None
    flash: int | None = None
    optimize: str | None = None


def load_config(folder: Path) -> Config:
    """The file's settings; all None where there is no file. An unknown key or a wrong type is a UsageError."""
    path = folder / FILE
    if not path.is_file():
        return Config()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(FILE, f"is not valid TOML ({e})", "correct the file") from None
    types = {f.name: (int if f.name in ("ram", "flash") else str) for f in fields(Config)}
    for key, value in raw.items():
        if key not in types:
            raise UsageError(FILE, f"unknown key {key!r}", f"known keys: {', '.join(types)}")
        if type(value) is not types[key]:
            raise UsageError(FILE, f"{key} is not {'an integer' if types[key] is int else 'a string'}", "correct the value")
    return Config(**raw)

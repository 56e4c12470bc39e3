"""Where the C runtime, the templates and the boards lie: in the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def runtime_dir() -> Path:
    """Folder with include/tm/*.h, src/*.c and runner/*.c."""
    return _folder("runtime_c")


def templates_dir() -> Path:
    """Folder with the Jinja templates."""
    return _folder("templates")


def boards_dir() -> Path:
    """Folder with one folder per board."""
    return _folder("boards")

"""What `tinyml build` wrote down of an image: how the image that runs on a board was made."""

from __future__ import annotations

import json
from pathlib import Path

from tinyml.device.files import MARKER


def find_record(folder: Path, model_hash: str, board: str, version: str) -> tuple[str, tuple[str, ...]]:
    """Compiler and flags of the newest build in a folder of `folder` of this model for this board by this version of the tool;
    empty where there is none. Records that can not be read are passed over."""
    for path in sorted(folder.glob(f"*/{MARKER}"), key=_age, reverse=True):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            plan = record["plan"]
            if (plan["model_hash"], plan["board"], record["version"]) == (model_hash, board, version) and record["compiler"]:
                return str(record["compiler"]), tuple(map(str, record.get("flags") or ()))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return "", ()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

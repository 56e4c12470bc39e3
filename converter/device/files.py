"""Writing results: a file or a folder appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tinyml.errors import UsageError

MARKER = "tinyml-build.json"  # only folders with this file are ever replaced


def write_npy(path: Path, arrays: list[np.ndarray]) -> None:
    """One array as .npy; as .npz with keys 0, 1, ... where the name says so."""
    with _beside(path) as tmp:
        with open(tmp, "wb") as f:
            if path.suffix == ".npz":
                np.savez(f, **{str(k): a for k, a in enumerate(arrays)})  # type: ignore[arg-type]
            else:
                np.save(f, arrays[0])


def write_text(path: Path, text: str) -> None:
    with _beside(path) as tmp:
        tmp.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    with _beside(path) as tmp:
        tmp.write_bytes(data)


class _beside:
    """A temporary file next to `path` that takes its place when the block ends well."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> Path:
        try:
            fd, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        except OSError as e:
            raise UsageError(str(self.path), f"can not be written ({e.strerror})", "check the folder") from None
        os.close(fd)
        self.tmp = Path(name)
        umask = os.umask(0)
        os.umask(umask)
        self.tmp.chmod(0o666 & ~umask)
        return self.tmp

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            os.replace(self.tmp, self.path)
        else:
            self.tmp.unlink(missing_ok=True)


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Texts by their path below `folder`."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def check_replaceable(folder: Path) -> None:
    """Refuses an output folder that holds anything but an earlier build of ours."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(str(folder), "exists and is not a folder", "choose another -o")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise UsageError(str(folder), "is not empty and was not made by tinyml build", "choose another -o, or empty it")


def replace_folder(folder: Path, texts: Mapping[str, str], binaries: Mapping[str, bytes], marker: dict) -> None:
    """Writes a whole folder beside `folder`, then swaps it in; on any error nothing is left behind."""
    check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        tmp = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as e:
        raise UsageError(str(folder), f"can not be written ({e.strerror})", "choose another -o") from None
    old = tmp.with_name(tmp.name + ".old")
    try:
        tmp.chmod(0o755)
        write_files(tmp, texts)
        for name, data in binaries.items():
            (tmp / name).write_bytes(data)
        (tmp / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            os.rename(folder, old)
        os.rename(tmp, folder)
    except BaseException as e:
        if old.exists() and not folder.exists():
            os.rename(old, folder)
        shutil.rmtree(tmp, ignore_errors=True)
        if isinstance(e, OSError):
            raise UsageError(str(folder), f"can not be written ({e.strerror})", "check space and permissions") from None
        raise
    shutil.rmtree(old, ignore_errors=True)

"""Model files to graphs. Every module of this package that defines ``IMPORTER`` reads one file format."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tinyml.errors import InvalidModel, printable
from tinyml.ir import Graph


@dataclass(frozen=True)
class Importer:
    """`accepts(data, name)`: is this file of the format, by its first bytes or the name's ending.
    `load(data, name)` -> Graph; raises InvalidModel or Unsupported, nothing else, whatever the bytes are."""

    format: str
    suffix: str
    accepts: Callable[[bytes, str], bool]
    load: Callable[[bytes, str], Graph]
    litert: bool = False  # LiteRT runs such files


@cache
def load_importers() -> tuple[Importer, ...]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return tuple(m.IMPORTER for m in modules if hasattr(m, "IMPORTER"))


def import_model(data: bytes, name: str) -> Graph:
    """The graph in the model file `data`; `name` is the file's name, for messages and the choice of the format.

    The file is untrusted: InvalidModel says what is wrong with it, Unsupported lists every operator that cannot be
    built. Constants are read-only views of `data`. Tensor ids are the indices of the file.
    """
    return importer_of(data, name).load(data, name)


def importer_of(data: bytes, name: str) -> Importer:
    """The importer for a file; InvalidModel where there is none."""
    for importer in load_importers():
        if importer.accepts(data, name):
            return importer
    formats = ", ".join(f"{i.suffix} ({i.format})" for i in load_importers())
    raise InvalidModel(printable(name), "not a model file of a known format", f"give one of: {formats}")

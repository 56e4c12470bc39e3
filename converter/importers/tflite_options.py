"""The options of a .tflite file's operators as plain mappings, for those who write the file again with other tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tflite

from tinyml.importers.flatbuffer import at, checked, defaults, root
from tinyml.importers.tflite import IDENTIFIER, TableOptions
from tinyml.importers.tflite_calls import OPTIONS
from tinyml.opspec import Options

Fields = Mapping[str, Any]  # field of the options table, by its schema name in CamelCase -> number, or tuple of numbers


class FieldOptions(Options):
    """Options of the schema table `table` (None: of an operator that has none), read from a mapping; what it leaves out has
    the schema's default."""

    def __init__(self, table: str | None, fields: Fields):
        self._fields = fields
        self._defaults = TableOptions(defaults(getattr(tflite, table))) if table else Options()

    def get(self, name: str) -> Any:
        return self._fields[name] if name in self._fields else self._defaults.get(name)

    def vector(self, name: str) -> tuple[int, ...] | None:
        return self._fields[name] if name in self._fields else self._defaults.vector(name)


def read_options(data: bytes) -> dict[int, dict[str, Any]]:
    """Operator's position in the file -> its options, for a file that :func:`tinyml.importers.import_model` accepted."""
    subgraph = checked(root(tflite.Model, data, IDENTIFIER).Subgraphs(0))
    found = {}
    for k in range(subgraph.OperatorsLength()):
        operator = checked(subgraph.Operators(k))
        table, name = operator.BuiltinOptions(), OPTIONS.get(operator.BuiltinOptionsType(), "NONE")
        found[k] = {} if table is None or name == "NONE" else _fields(name, at(getattr(tflite, name), data, table.Pos))
    return found


def _fields(table: str, accessor: Any) -> dict[str, Any]:
    options, prefix, fields = TableOptions(accessor), f"{table}Add", {}
    for name in (n.removeprefix(prefix) for n in vars(tflite) if n.startswith(prefix)):
        is_vector = hasattr(tflite, f"{table}Start{name}Vector")
        value = options.vector(name) if is_vector else options.get(name)
        if value is not None:
            fields[name] = value
    return fields

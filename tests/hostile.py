"""What every refusal of a model file must look like, and the small valid network that the hostile ones are made from."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
import tflite

from tflite_writer import ModelBuilder
from tinyml.errors import InvalidModel, TinymlError, Unsupported
from tinyml.importers import import_model
from tinyml.ir import Graph


def refusal(data: bytes, error: type[TinymlError] = InvalidModel) -> str:
    """The one line with which `data` is refused."""
    with pytest.raises(TinymlError) as caught:
        import_model(data, "m.tflite")
    assert isinstance(caught.value, error), str(caught.value)[:500]
    return assert_line(caught.value)


def assert_line(error: TinymlError) -> str:
    line = error.line()
    assert line.startswith("import: ") and all(" " <= c <= "~" for c in line), line[:500]
    assert error.exit_code in (3, 4)
    return line


def outcome(data: bytes) -> Graph | TinymlError:
    """The graph, or the documented refusal; any other exception passes through."""
    try:
        return import_model(data, "m.tflite")
    except (InvalidModel, Unsupported) as error:
        assert_line(error)
        return error


def conv_net() -> ModelBuilder:
    """input 0 [1,6,6,3] -> CONV_2D(weights 1, bias 2) -> 3 [1,6,6,4] -> RELU -> 4: graph inputs [0], outputs [4]."""
    m = ModelBuilder()
    m.tensor((1, 6, 6, 3), scale=0.5, zero_point=-1, name="input")
    m.const(np.ones((4, 3, 3, 3), np.int8), scale=(0.1, 0.2, 0.3, 0.4), name="weights")
    m.const(np.zeros(4, np.int32), scale=(0.05, 0.1, 0.15, 0.2), name="bias")
    m.tensor((1, 6, 6, 4), scale=0.25, zero_point=3, name="mid")
    m.tensor((1, 6, 6, 4), scale=0.25, zero_point=3, name="output")
    m.op("CONV_2D", [0, 1, 2], [3], {"StrideH": 1, "StrideW": 1})
    m.op("RELU", [3], [4])
    return m


def edited(edit: Callable[[ModelBuilder], None]) -> bytes:
    """conv_net() after `edit`, as a file."""
    m = conv_net()
    edit(m)
    return m.build([0], [4])


def field(table: object, slot: int) -> int:
    """Where in the file the field with number `slot` of an accessor's table lies."""
    offset = table._tab.Offset(4 + 2 * slot)
    assert offset
    return table._tab.Pos + offset


def patched(data: bytes, at: int, value: int, code: str = "<I") -> bytes:
    out = bytearray(data)
    struct.pack_into(code, out, at, value)
    return bytes(out)


def model_of(data: bytes) -> tflite.Model:
    return tflite.Model.GetRootAs(data)

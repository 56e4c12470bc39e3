"""Model files of the project's own format (.tml): what is written comes back, and what is damaged is refused."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fuzz_importer import judge
from hostile import assert_line, conv_net
from interpret import interpret
from random_graphs import random_model
from test_json import _same_types
from tinyml.codec import attrs_class, to_json
from tinyml.errors import InvalidModel, TinymlError, Unsupported
from tinyml.importers import import_model
from tinyml.importers.container import FIXED, MAGIC, write
from tinyml.ir import DType, Graph
from tinyml.opspec import model_ops
from tinyml.packing import pack, unpack
from tinyml.passes import run_passes

MODELS = ("ad01_int8", "ic_resnet8_float", "ic_resnet8_int8", "kws_dscnn_int8", "mcunet_vww", "str_ww_int8", "vww_96_int8")


def _net() -> Graph:
    return import_model(conv_net().build([0], [4]), "m.tflite")


def _int4_net() -> Graph:
    """The small network with 4-bit weights and a 4-bit tensor in the middle, re-quantised by a table."""
    g = _net()
    tensors = dict(g.tensors)
    rng = np.random.default_rng(4)
    w = rng.integers(-7, 8, tensors[1].shape).astype(np.int8)
    tensors[1] = replace(tensors[1], dtype=DType.INT4, data=w)
    return g.with_(tensors=tensors)


def _assemble(header: bytes, constants: bytes, version: int = 1, crc: int | None = None) -> bytes:
    header += b" " * (-(FIXED.size + len(header)) % 16)
    body = header + constants
    return FIXED.pack(MAGIC, version, len(header), zlib.crc32(body) if crc is None else crc, 0) + body


def _parts(data: bytes) -> tuple[dict, bytes]:
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[FIXED.size : FIXED.size + length]), data[FIXED.size + length :]


def _edited(edit: Callable[[dict], None], data: bytes | None = None) -> bytes:
    header, constants = _parts(write(_int4_net()) if data is None else data)
    edit(header)
    return _assemble(json.dumps(header).encode(), constants)


def _refused(data: bytes, error: type[TinymlError] = InvalidModel) -> str:
    with pytest.raises(TinymlError) as caught:
        import_model(data, "m.tml")
    assert isinstance(caught.value, error), str(caught.value)
    return assert_line(caught.value)


def _there_and_back(g: Graph) -> Graph:
    data = write(g)
    back = import_model(data, g.name)
    assert write(back) == data
    assert json.dumps(to_json(back)) == json.dumps(to_json(g.with_(tensors={t: g.tensors[t] for t in sorted(g.tensors)})))
    for t in g.tensors:
        _same_types(g.tensors[t], back.tensors[t])
    return back


def test_the_small_network_with_4_bit_weights() -> None:
    g = _int4_net()
    back = _there_and_back(g)
    assert back.tensors[1].dtype is DType.INT4
    x = np.random.default_rng(1).integers(-128, 128, g.tensors[0].shape).astype(np.int8)
    np.testing.assert_array_equal(interpret(run_passes(back), [x])[0], interpret(g, [x])[0])


@pytest.mark.parametrize("name", MODELS)
def test_real_models(name: str, shared_model: Callable[[str], Path]) -> None:
    g = import_model(shared_model(name).read_bytes(), "m")
    data = write(g)
    _there_and_back(g)
    constants = sum(-(-t.bytes // 16) * 16 for t in g.tensors.values() if t.is_const)
    assert len(data) - FIXED.size - struct.unpack_from("<I", data, 12)[0] == constants


@pytest.mark.parametrize("seed", range(15))
def test_random_networks(seed: int) -> None:
    model = random_model(seed)
    g = import_model(model.data, "m")
    back = _there_and_back(g)
    for y, e in zip(interpret(back, model.inputs(0)), interpret(g, model.inputs(0)), strict=True):
        np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("op", model_ops())
def test_attributes_of_every_operator_can_be_checked(op: str) -> None:
    assert callable(getattr(attrs_class(op), "check", None))


@pytest.mark.parametrize("dtype", [DType.INT4, DType.INT2])
@pytest.mark.parametrize("c", [1, 2, 3, 4, 5, 8, 63, 64])
def test_packing(dtype: DType, c: int) -> None:
    low, high = -(1 << (dtype.bits - 1)), (1 << (dtype.bits - 1)) - 1
    values = np.random.default_rng(c).integers(low, high + 1, (3, 2, c)).astype(np.int8)
    raw = pack(values, dtype)
    assert raw.dtype == np.uint8 and raw.shape == (3, 2, -(-c * dtype.bits // 8))
    np.testing.assert_array_equal(unpack(raw, dtype, c), values)
    # the documented layout, bit by bit
    whole = int.from_bytes(raw[1, 1].tobytes(), "little")
    for k, v in enumerate(values[1, 1].tolist()):
        assert (whole >> (k * dtype.bits)) & ((1 << dtype.bits) - 1) == v & ((1 << dtype.bits) - 1)


def test_every_truncation_is_refused() -> None:
    data = write(_int4_net())
    for end in (*range(0, 200, 7), *range(200, len(data), 41), len(data) - 1):
        _refused(data[:end])
    _refused(data + b"\0")


def test_every_flipped_byte_is_refused() -> None:
    data = write(_int4_net())
    for at in (*range(0, 40), *range(40, len(data), 29)):
        out = bytearray(data)
        out[at] ^= 0x41
        _refused(bytes(out))


@pytest.mark.parametrize(
    ("header", "word"),
    [(b"", "JSON"), (b"[]", "object"), (b"{}", "fields"), (b"[" * 100_000, "JSON"), (b'{"name": NaN}', "NaN"), (b"\xff\xfe", "JSON"),
     (b'{"name": ' + b"9" * 5000 + b"}", "JSON")],
)  # fmt: skip
def test_headers_that_are_none(header: bytes, word: str) -> None:
    assert word in _refused(_assemble(header, b""))


def test_other_versions_say_so() -> None:
    header, constants = _parts(write(_int4_net()))
    assert "version 2" in _refused(_assemble(json.dumps(header).encode(), constants, version=2))


def _set(*path: str | int, to: object) -> Callable[[dict], None]:
    def edit(header: dict) -> None:
        at = header
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = to

    return edit


CONV = ("nodes", 0)


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (_set("tensors", 0, "shape", to=[1, 0, 6, 3]), "not positive"),
        (_set("tensors", 0, "shape", to=[1, -6, 6, 3]), "not positive"),
        (_set("tensors", 0, "shape", to=[1 << 40, 6, 6, 3]), "not positive"),
        (_set("tensors", 0, "shape", to=[1, 1 << 20, 1 << 20, 3]), "elements"),
        (_set("tensors", 0, "shape", to=[1] * 9), "rank"),
        (_set("tensors", 0, "dtype", to="int5"), "int5"),
        (_set("tensors", 0, "quant", to=None), "no scale"),
        (_set("tensors", 0, "quant", "scale", to=[0.0]), "scale"),
        (_set("tensors", 0, "quant", "scale", to=["nan"]), "scale"),
        (_set("tensors", 0, "quant", "scale", to=[10**400]), "scale"),
        (_set("tensors", 0, "quant", "zero_point", to=[128]), "zero point"),
        (_set("tensors", 0, "quant", "zero_point", to=[10**30]), "zero point"),
        (_set("tensors", 1, "quant", "axis", to=7), "dimension 7"),
        (_set("tensors", 1, "quant", "scale", to=[0.1]), "zero points"),
        (_set("tensors", 1, "data", to=[0, 4]), "takes"),
        (_set("tensors", 1, "data", to=[1 << 40, 54]), "outside"),
        (_set("tensors", 1, "data", to=[-16, 54]), "outside"),
        (_set("tensors", 1, "data", to=[1, 54]), "outside"),
        (_set("tensors", 1, "id", to=0), "same id"),
        (_set("tensors", 1, "id", to=-1), "id"),
        (_set("inputs", to=[]), "inputs"),
        (_set("inputs", to=[99]), "99"),
        (_set("outputs", to=[1 << 70]), "no tensor"),
        (_set(*CONV, "inputs", to=[0, 1, 99]), "99"),
        (_set(*CONV, "inputs", to=[0]), "inputs, must be"),
        (_set(*CONV, "inputs", to=[None, 1, 2]), "absent"),
        (_set("inputs", to=[4]), "reads tensor 0"),
        (_set(*CONV, "outputs", to=[]), "no output"),
        (_set(*CONV, "outputs", to=[3, 4]), "outputs, must be 1"),
        (_set(*CONV, "outputs", to=[0]), "shape"),
        (_set(*CONV, "index", to=-1), "index"),
        (_set(*CONV, "attrs", "stride", to=[0, 1]), "stride"),
        (_set(*CONV, "attrs", "stride", to=[1 << 40, 1]), "stride"),
        (_set(*CONV, "attrs", "dilation", to=[1, -1]), "stride"),
        (_set(*CONV, "attrs", "pad", to=[-1, 1, 1, 1]), "padding"),
        (_set(*CONV, "attrs", "clamp", to=[-129, 127]), "clamp"),
        (_set(*CONV, "attrs", "clamp", to=[5, -5]), "clamp"),
        (_set(*CONV, "attrs", "clamp", to=[0.5, 5]), "clamp"),
        (_set(*CONV, "attrs", "clamp", to=["nan", 5]), "clamp"),
        (_set(*CONV, "attrs", "stride", to="11"), "array"),
        (_set(*CONV, "attrs", to=None), "object"),
        (_set(*CONV, "op", to=3), "operator"),
        (_set("nodes", to=[]), "operators"),
        (_set("surprise", to=1), "surprise"),
        (_set("tensors", 0, "name", to="\x1b[31m\n\u202e"), None),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_headers_that_contradict_themselves(edit: Callable[[dict], None], word: str | None) -> None:
    if word is None:
        g = import_model(_edited(edit), "m.tml")
        assert all(" " <= c <= "~" for t in g.tensors.values() for c in t.name)
    else:
        assert word in _refused(_edited(edit))


def test_what_is_not_built_is_unsupported() -> None:
    line = _refused(_edited(lambda h: [n.update(op="WARP_DRIVE") for n in h["nodes"]]), Unsupported)
    assert line.count("WARP_DRIVE") == 2
    line = _refused(_edited(_set("tensors", 4, to={**_parts(write(_int4_net()))[0]["tensors"][4], "dtype": "int4"})), Unsupported)
    assert "at least 8 bits" in line


def test_mutated_files_end_as_a_graph_or_as_one_line() -> None:
    """Mutants whose checksum is right: what somebody who knows the format could send."""
    header, constants = _parts(write(_int4_net()))
    text = json.dumps(header).encode()
    seen = set()
    for k in range(1500):
        rng = np.random.default_rng([7, k])
        out = bytearray(text)
        for _ in range(int(rng.integers(1, 3))):
            at = int(rng.integers(len(out)))
            kind = rng.integers(4)
            if kind == 0:
                out[at] = int(rng.integers(32, 127))
            elif kind == 1:
                del out[at : at + int(rng.integers(1, 6))]
            elif kind == 2:
                out[at:at] = rng.choice([b"0", b"-", b"9999999", b"null", b"[", b"]", b",", b"1e300", b'"', b"true"])
            else:
                source = int(rng.integers(len(out)))
                out[at:at] = out[source : source + int(rng.integers(1, 12))]
        what, detail = judge(_assemble(bytes(out), constants), "m.tml")
        assert not what.startswith("BAD"), (k, what, detail)
        seen.add(what)
    assert seen >= {"graph", "InvalidModel", "Unsupported"}

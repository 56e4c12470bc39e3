"""A hand-written network driven through the one protocol: on the host, on every emulated board, and over a bad line."""

from __future__ import annotations

import os
import random
import stat
import struct
import subprocess
import time
import zlib

import numpy as np
import pytest

from conftest import REPO, needs
from link_faults import faulty_link
from tinyml.board import list_boards, load_board
from tinyml.device.build import compile_project
from tinyml.device.emulate import open_session, open_target, start_process
from tinyml.device.frames import OVERHEAD_BYTES, Frame, Parser, encode
from tinyml.device.serial import Link
from tinyml.device.session import DESCRIBE, INVOKE, PROFILE, READ, RUN_TO, SELF_TEST, SET_INPUT, Session
from tinyml.errors import DeviceError, Mismatch, Timeout, UsageError

TINY = REPO / "tests" / "data" / "tiny_model" / "tiny.c"
HASH = bytes(range(1, 17)).hex()
LOOPS = 350_000 - 100_000  # rounds that the two timed loops differ by, two instructions each


def target(name):
    board = load_board(name)
    tools = [board.toolchain.cc] + ([board.emulator.binary] if board.emulator else [])
    return pytest.param(board, id=name, marks=[needs(*tools), *([] if board.is_host else [pytest.mark.emulator])])


TARGETS = [target(name) for name in list_boards()]
EMULATED = [t for t in TARGETS if t.values[0].emulator]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    cache = {}

    def build(board, *defines):
        key = (board.name, *defines)
        if key not in cache:
            where = "emulator" if board.emulator else "device"
            cache[key] = compile_project([TINY], board, where, build_dir=tmp_path_factory.mktemp(board.name), defines=defines)
        return cache[key]

    return build


@pytest.fixture
def start(built):
    def go(board, *defines, **options) -> Session:
        return open_session(board, built(board, *defines), "host" if board.is_host else "emulator", **options)

    return go


@pytest.fixture
def host(built):
    """The host firmware's program."""
    return built(load_board("host")).elf


def samples(seed: int):
    """Inputs, and what the network makes of them: see tiny.c."""
    rng = np.random.default_rng(seed)
    x0 = rng.normal(0, 40, (2, 3, 2)).astype(np.float32)
    x0.flat[:4] = np.float32([0.25, -0.25, 0.75, -0.75])  # ties of the quantisation
    x0.flat[4:6] = np.float32([1e30, -1e30])
    x1 = rng.integers(-128, 128, 8, dtype=np.int8)
    v = x0 / np.float32(0.5)
    q = np.clip(np.trunc(v + np.copysign(np.float32(0.5), v)) - 3, -128, 127).astype(np.int8)
    doubled = (x1.astype(int) * 2).astype(np.uint8).view(np.int8)
    outputs = [(q.astype(np.float32) + 3) * np.float32(0.5), (doubled.astype(int) + 1).astype(np.uint8).view(np.int8)]
    return [x0, x1], outputs, {0: q, 5: doubled, 7: q}


def check_run(session: Session, seed: int) -> None:
    x, y, _ = samples(seed)
    for got, want in zip(session.run(x), y, strict=True):
        assert np.array_equal(got.reshape(want.shape), want)


@pytest.mark.parametrize("board", TARGETS)
def test_every_target_computes_the_same(start, board):
    with start(board, model_hash=HASH) as s:
        ident = s.identify()
        assert (ident.model, ident.board, ident.tool_version, ident.steps) == ("tiny", board.name, "0.0.test", 20)
        assert ident.max_payload == board.firmware.payload_bytes
        assert bool(ident.flags & 16) == bool(board.stand_in)
        for seed in range(3):
            check_run(s, seed)
        x, _, layers = samples(9)
        got = s.run_layers(x)
        assert got.keys() == layers.keys() == set(s.layer_ids())
        for k, want in layers.items():
            assert got[k].dtype == np.int8 and np.array_equal(got[k].reshape(want.shape), want)
        check_run(s, 4)
        s.self_test()
        assert s.link.retries <= 2  # what is sent while the machine starts may be lost, nothing later


@pytest.mark.parametrize("board", EMULATED)
def test_an_emulator_counts_instructions_exactly(start, board):
    profiles = []
    for _ in range(2):
        with start(board) as s:
            profiles += [s.profile(samples(1)[0]) for _ in range(2)]
    first = profiles[0]
    assert first.counter == "instructions" and len(first.steps) == 20
    assert all(p == first for p in profiles)
    # the loops' rounds, and at most one instruction more to load the longer count
    assert 0 <= first.steps[4] - first.steps[3] - 2 * LOOPS <= 1
    assert len(set(first.steps[6:19])) == 1 and first.steps[6] < 30  # the cost of reading the counter is taken off
    assert 0 <= first.unattributed < 20 * 12


@pytest.mark.parametrize("board", EMULATED)
def test_the_stack_is_measured_and_its_overflow_reported(start, board):
    with start(board) as s:
        check_run(s, 0)
        assert 64 < s.stack() < board.stack_bytes / 2 and s.stack_size() == board.stack_bytes
    if board.name == "riscv32":
        return  # below its RAM lies its flash, which is RAM as well
    with start(board, "TINY_OVERFLOW") as s, pytest.raises(DeviceError, match="crashed"):
        s.run(samples(0)[0])


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_an_emulator_ends_with_its_session(start):
    def running():
        words = subprocess.run(["ps", "-o", "ppid=,args=", "-e"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [w for w in words if w.split()[0] == str(os.getpid()) and "qemu-system" in w]

    with start(load_board("stm32f405")):
        assert len(running()) == 1
    assert not running()


def test_host_counts_time(start):
    with start(load_board("host")) as s:
        p = s.profile(samples(1)[0])
        assert p.counter == "ticks" and p.hz == 10**9 and p.total > 0
        assert s.stack() == s.stack_size() == 0


def test_the_host_line_is_fast(start):
    with start(load_board("host")) as s:
        data = bytes(s.identify().max_payload - 5)
        begin = time.monotonic()
        for _ in range(160):
            s.link.request(SELF_TEST, data)
        assert 2 * 160 * len(data) / (time.monotonic() - begin) > 10e6  # bytes per second, both ways


FAULTS = {
    "flipped": {"flip": 0.01},
    "dropped": {"drop": 0.01},
    "repeated": {"repeat": 0.3},
    "cut": {"cut": 0.1},
    "everything": {"flip": 0.005, "drop": 0.005, "repeat": 0.1, "cut": 0.05},
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_bad_line_costs_retries_and_never_a_number(host, kind):
    link, _ = faulty_link(host, 7, **FAULTS[kind])
    with Session(link) as s:
        for seed in range(12):
            check_run(s, seed)
            x, _, layers = samples(seed)
            if seed % 4 == 0:
                assert all(np.array_equal(v.ravel(), layers[k].ravel()) for k, v in s.run_layers(x).items())
    assert link.retries > 0 or kind == "repeated"


@pytest.mark.parametrize(("faults", "every"), [({}, 700), (FAULTS["everything"], 4000)], ids=["clean", "bad line"])
def test_a_reset_in_the_middle_repeats_the_run(host, faults, every):
    link, line = faulty_link(host, 3, **faults)
    with Session(link) as s:
        s.inputs(), s.outputs()
        line.reset_after, line.written = every, 0
        for seed in range(20):
            check_run(s, seed)
    assert line.resets >= 3


def test_a_device_that_resets_all_the_time_is_an_error(host):
    link, line = faulty_link(host, 3)
    with Session(link) as s:
        s.inputs(), s.outputs()
        line.reset_after = 30
        with pytest.raises(DeviceError, match="reset"):
            s.run(samples(0)[0])


@pytest.fixture
def raw(host):
    """The host firmware, and a function that sends a frame as it is and returns the frames that come within 0.3 s."""
    link = start_process(host)

    def send(*frames: Frame | bytes):
        for f in frames:
            link.transport.write(f if isinstance(f, bytes) else encode(f), 1)
        parser, out, end = Parser(), [], time.monotonic() + 0.3
        while (left := end - time.monotonic()) > 0:
            out += parser.feed(link.transport.read(left))
        return out

    yield send
    link.close()


def input_frames(session, seq):
    x, _, _ = samples(2)
    parts = [struct.pack("<HII", k, 0, zlib.crc32(a.tobytes())) + a.tobytes() for k, a in enumerate(x)]
    return [Frame(SET_INPUT, session, seq + k, p) for k, p in enumerate(parts)]


def test_a_sequence_number_is_executed_once(raw):
    answers = raw(Frame(1, 5, 0, b""), *input_frames(5, 1), *[Frame(INVOKE, 5, 3, b"")] * 3)
    assert [a.payload[0] for a in answers[:3]] == [0, 0, 0]
    assert len({a.payload for a in answers[3:]}) == 1 and len(answers) == 6  # times in nanoseconds: a second run would differ
    assert raw(Frame(INVOKE, 5, 2, b"")) == []  # older than the last: its answer was received long ago
    assert raw(Frame(INVOKE, 5, 4, b""))[0].payload[0] == 8  # the inputs are used up
    assert raw(Frame(INVOKE, 5, 9, b""))[0].payload[0] == 5


def test_nothing_runs_on_incomplete_or_wrong_input(raw):
    raw(Frame(1, 5, 0, b""))
    first, second = input_frames(5, 1)
    assert raw(Frame(INVOKE, 5, 1, b""))[0].payload[0] == 8
    assert raw(Frame(SET_INPUT, 5, 2, first.payload))[0].payload[0] == 0
    assert raw(Frame(PROFILE, 5, 3, bytes(4)))[0].payload[0] == 8
    assert raw(Frame(SET_INPUT, 5, 4, second.payload[:6] + bytes(4) + second.payload[10:]))[0].payload[0] == 7  # CRC
    assert raw(Frame(SET_INPUT, 5, 5, struct.pack("<HII", 1, 4, 0) + bytes(4)))[0].payload[0] == 7  # not where it stopped
    assert raw(Frame(RUN_TO, 5, 6, bytes(4)))[0].payload[0] == 8
    assert raw(Frame(SET_INPUT, 5, 7, second.payload))[0].payload[0] == 0
    assert raw(Frame(RUN_TO, 5, 8, struct.pack("<I", 1)))[0].payload == b"\0" + struct.pack("<I", 1)


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        (SET_INPUT, struct.pack("<HII", 2, 0, 0)), (SET_INPUT, struct.pack("<HII", 0, 2, 0)), (SET_INPUT, b""),
        (SET_INPUT, struct.pack("<HII", 0, 0xFFFFFFFC, 0) + bytes(8)), (SET_INPUT, struct.pack("<HII", 1, 0, 0) + bytes(9)),
        (READ, struct.pack("<BHIH", 0, 0, 0, 1)), (READ, struct.pack("<BHIH", 1, 2, 0, 1)), (READ, struct.pack("<BHIH", 1, 0, 0, 3)),
        (READ, struct.pack("<BHIH", 1, 1, 0xFFFFFFFF, 8)), (READ, struct.pack("<BHIH", 9, 0, 0, 1)), (READ, b"\1"),
        (RUN_TO, struct.pack("<I", 21)), (RUN_TO, b""), (PROFILE, struct.pack("<I", 21)), (DESCRIBE, b"\0\2\0"),
    ],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(raw, command, payload):
    raw(Frame(1, 5, 0, b""), *input_frames(5, 1))
    assert raw(Frame(command, 5, 3, payload))[0].payload == b"\6"


def test_a_tensor_is_read_only_while_it_is_whole(raw):
    raw(Frame(1, 5, 0, b""), *input_frames(5, 1))
    doubled = struct.pack("<BHIH", 2, 1, 0, 8)
    assert raw(Frame(READ, 5, 3, doubled))[0].payload == b"\x08"
    raw(Frame(RUN_TO, 5, 4, struct.pack("<I", 1)))
    assert raw(Frame(READ, 5, 5, doubled))[0].payload[0] == 0
    raw(Frame(RUN_TO, 5, 6, struct.pack("<I", 2)))
    assert raw(Frame(READ, 5, 7, doubled))[0].payload == b"\x08"
    assert raw(Frame(READ, 5, 8, struct.pack("<BHIH", 1, 1, 0, 8)))[0].payload == b"\x08"  # outputs: after the last step


def test_unknown_commands_versions_and_sessions_are_told(raw):
    assert raw(Frame(INVOKE, 5, 0, b""))[0].payload == b"\4"
    assert raw(Frame(1, 5, 0, b"", 9))[0].payload == b"\2"
    raw(Frame(1, 5, 0, b""))
    assert raw(Frame(77, 5, 1, b""))[0].payload == b"\3"
    assert raw(Frame(INVOKE, 6, 2, b""))[0].payload == b"\4"


def test_the_device_finds_the_next_frame_after_garbage(raw):
    good = encode(Frame(1, 5, 0, b""))
    rng = random.Random(1)
    assert raw(bytes(rng.randrange(256) for _ in range(3000)) + b"\xa5\x5a" + good)[-1].payload[0] == 0
    damaged = bytearray(encode(Frame(SELF_TEST, 5, 1, b"abcdef" + b"\xa5\x5a" * 4)))
    damaged[14] ^= 1
    later = encode(Frame(SELF_TEST, 5, 1, b"x"))
    answers = raw(bytes(damaged) + later + later)
    assert answers[0].payload == b"\1" and answers[0].seq == 1
    unnamed = [a for a in answers[1:] if a.session == 0]  # what looked like a header told nothing that could be repeated
    assert [(a.command, a.payload) for a in unnamed] == [(0x80, b"\1")] * 4
    assert [a.payload[0] for a in answers[5:]] == [0, 0] and answers[5].payload.endswith(b"x")


def test_frames_survive_any_split_and_garbage_between_them():
    rng = random.Random(5)
    frames = [Frame(rng.randrange(1, 255), rng.randrange(1 << 16), k, rng.randbytes(rng.randrange(60))) for k in range(200)]
    stream = b"".join(encode(f) + rng.randbytes(rng.randrange(4)).replace(b"\xa5", b"") for f in frames)
    parser, got = Parser(), []
    while stream:
        n = rng.randrange(1, 40)
        got += parser.feed(stream[:n])
        stream = stream[n:]
    assert [f for f in got if f.payload is not None] == frames


def test_every_single_bit_error_is_seen():
    data = encode(Frame(5, 1234, 7, b"payload"))
    assert len(data) == OVERHEAD_BYTES + 7
    for bit in range(8 * len(data)):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        assert all(f.payload is None for f in Parser().feed(bytes(bad) + bytes(70000)))


def script(tmp_path, text):
    path = tmp_path / "firmware"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_silence_ends_in_a_timeout(tmp_path):
    begin = time.monotonic()
    with start_process(script(tmp_path, "exec sleep 60")) as link, pytest.raises(Timeout) as e:
        Session(link, start_timeout_s=1.0)
    assert time.monotonic() - begin < 4 and e.value.exit_code == 9


def test_a_firmware_that_dies_is_told_at_once(tmp_path):
    begin = time.monotonic()
    with start_process(script(tmp_path, "exit 3")) as link, pytest.raises(DeviceError, match="exit code 3"):
        Session(link)
    assert time.monotonic() - begin < 5


def test_only_noise_ends_in_a_timeout(tmp_path):
    with start_process(script(tmp_path, "exec cat /dev/urandom")) as link, pytest.raises(Timeout):
        Session(link, start_timeout_s=1.0)


def test_another_model_is_refused(start):
    with pytest.raises(DeviceError, match="another model"):
        start(load_board("host"), model_hash="00" * 16)


def test_wrong_inputs_are_a_usage_error(start):
    x, _, _ = samples(0)
    with start(load_board("host")) as s:
        for bad in ([x[0]], [x[0].astype(np.float64), x[1]], [x[0].ravel()[:5], x[1]]):
            with pytest.raises(UsageError):
                s.run(bad)
        check_run(s, 0)


def test_a_device_needs_a_port_that_exists():
    board = load_board("stm32f405")
    with pytest.raises(DeviceError, match="--port"):
        open_target(board, None, "device")
    with pytest.raises(DeviceError, match="no-such-port"):
        open_target(board, None, "device", "/dev/no-such-port")


@pytest.mark.emulator
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_a_serial_port_is_driven_like_any_line(built, tmp_path):
    """pyserial on a pty of the emulator: what `--on device --port` does with a board."""
    from tinyml.device.emulate import emulator_command

    board = load_board("stm32f405")
    p = subprocess.Popen(emulator_command(board, built(board).elf, "pty"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        port = p.stdout.readline().decode().split()[4]  # "char device redirected to /dev/pts/N (label serial0)"
        with open_session(board, None, "device", port) as s:
            for seed in range(2):
                check_run(s, seed)
    finally:
        p.kill()
        p.wait()


def test_link_is_a_context_manager(host):
    with start_process(host) as link:
        assert isinstance(link, Link) and len(link.open()) > 40


@pytest.mark.parametrize("board", [t for t in TARGETS if t.values[0].name in ("host", "stm32f405", "hifive1")])
def test_the_whole_network_is_proved_in_a_few_bytes(start, board):
    """tiny.c's outputs on the inputs that the device makes itself."""
    with start(board) as s:
        for seed in (1, 0xFFFFFFFF, 12345):
            x0, x1 = s.generated_inputs(seed)
            want = [x0, (x1.astype(int) * 2 + 1).astype(np.uint8).view(np.int8)]
            s.self_test_network(seed, want)
            with pytest.raises(Mismatch):
                s.self_test_network(seed, [x0 + np.float32(0.5), want[1]])


def test_runs_are_repeated_in_the_device(raw):
    raw(Frame(1, 5, 0, b""))
    sums = raw(Frame(INVOKE, 5, 1, struct.pack("<HI", 3, 7)))[0].payload
    total, _, least, most = struct.unpack("<QQQQ", sums[1:])
    assert sums[0] == 0 and 0 < least <= most and 2 * least + most <= total <= least + 2 * most
    rows = raw(Frame(PROFILE, 5, 2, struct.pack("<IHI", 0, 3, 7)))[0].payload
    assert rows[0] == 0 and struct.unpack_from("<H", rows, 13)[0] == 20
    for bad in (struct.pack("<HI", 0, 7), struct.pack("<HI", 1, 0), bytes(5)):
        raw(Frame(1, 6, 0, b""))
        assert raw(Frame(INVOKE, 6, 1, bad))[0].payload == b"\6"
        raw(Frame(1, 5, 0, b""))

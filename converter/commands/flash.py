"""`tinyml flash`: builds, writes the image to the board, and asks the board what it runs now."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from tinyml.commands.build import IMAGE, add_toolchain, build_folder, output_folder, reusable
from tinyml.commands.common import Command, Console, Job, add_model, load_job
from tinyml.commands.target import port_for
from tinyml.device.emulate import open_target
from tinyml.device.flash import upload, upload_image
from tinyml.device.platformio import missing_packages, platform_name, require_platformio
from tinyml.device.ports import EMULATOR
from tinyml.device.session import FLAGS, Ident, Session
from tinyml.errors import DeviceError, Mismatch, Timeout, UsageError, printable

RETURN_S = 15.0  # a board that restarts comes back as a serial port within seconds
FALLBACK = FLAGS[1]


def arguments(p: argparse.ArgumentParser) -> None:
    add_model(p)
    p.add_argument("--port", metavar="P", help="serial port of the board; default: found by its USB id")
    p.add_argument("-o", "--output", metavar="DIR", help="project folder (default build/<model>)")
    p.add_argument("--upload-protocol", metavar="U", help="how to upload, such as stlink or dfu (default: the board's)")
    add_toolchain(p)


def run(args: argparse.Namespace, console: Console) -> None:
    job = load_job(args, console)
    board = job.board
    if board.platformio is None:
        raise UsageError(board.name, "is no board to flash", "choose a real one, see `tinyml boards`")
    if args.port == EMULATOR:
        raise UsageError("--port emulator", "there is nothing to flash", "run `tinyml bench --port emulator`: it starts the image itself")
    if args.upload_protocol:
        job = with_protocol(job, args.upload_protocol)
        board = job.board
        assert board.platformio is not None
    require_platformio(board)
    port = port_for(board, args.port, console)  # before a long build: nothing is flashed where there is no board
    builder = args.toolchain or "pio"
    folder = output_folder(args, job)
    if missing_packages(board):
        console.err.print(f"tinyml: PlatformIO downloads the platform {platform_name(board)} and its tools, once", markup=False)
    built = reusable(job, folder, builder) or build_folder(job, folder, builder, console)
    with console.progress(f"flashing {board.name}") as progress:
        progress(f"uploading through {board.platformio.upload_protocol}")
        if builder == "pio":
            upload(folder, board, port, progress)
        else:
            upload_image(folder, board, folder / IMAGE, port, progress)
        progress("waiting for the board")
        ident = identify(job, port)
    console.print(
        f"{job.path.name} runs on {board.name} at {port}: model hash {ident.model_hash}, as built" + (", unchanged" if built.reused else "")
    )
    console.print(describe(ident))
    console.result(to_json(job, port, folder, builder, built.compiler, built.reused, ident))


def with_protocol(job: Job, protocol: str) -> Job:
    """The same job, uploaded in another way. Raises UsageError for one that the board does not have."""
    pio = job.board.platformio
    assert pio is not None
    if protocol not in pio.upload_protocols:
        raise UsageError(
            "--upload-protocol", f"{printable(protocol)} is not known for {job.board.name}", f"one of {', '.join(pio.upload_protocols)}"
        )
    return replace(job, board=replace(job.board, platformio=replace(pio, upload_protocol=protocol)))


def identify(job: Job, port: str) -> Ident:
    """What the board says of itself after its restart. Raises Mismatch where it runs another model or another board's image,
    DeviceError or Timeout where it does not answer."""
    end = time.monotonic() + RETURN_S
    while True:
        try:
            ident = _ask(job, port)
            break
        except DeviceError:
            # the port itself may be gone while the board restarts
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
        except Timeout:
            fix = "reset the board, then run `tinyml bench`; if it stays silent, check --port"
            raise Timeout(port, "the board was written, and its firmware does not answer", fix, stage="flash") from None
    project = job.compiled.project
    if (ident.model_hash, ident.board) != (project.model_hash, job.board.name[: len(ident.board)]):
        what = f"runs {ident.model} ({ident.model_hash}) for {ident.board} after the upload of {project.prefix} ({project.model_hash})"
        raise Mismatch(
            port, what, "the upload went to another board, or this one did not restart: check --port, and reset it", stage="flash"
        )
    return ident


def _ask(job: Job, port: str) -> Ident:
    link = open_target(job.board, None, "device", port)
    try:
        return Session(link).identify()
    finally:
        link.close()


def describe(ident: Ident) -> str:
    """Board, clock, caches, fall-back: one line."""
    clock = f"{ident.clock_hz / 1e6:g} MHz" if ident.clock_hz else "clock not known"
    words = [f"board {ident.board}", clock, *(f for f in ident.flag_names if f != FALLBACK), f"counter {ident.counter}"]
    if FALLBACK in ident.flag_names:
        words.append("CLOCK FALL-BACK: the board did not reach its rated clock, and every time it measures is that of a slower board")
    return ", ".join(words)


def to_json(job: Job, port: str, folder: Path, builder: str, compiler: str | None, reused: bool, ident: Ident) -> dict[str, object]:
    assert job.board.platformio is not None
    return {
        "board": ident.board, "port": port, "upload_protocol": job.board.platformio.upload_protocol, "output": str(folder),
        "builder": builder, "toolchain": compiler, "reused": reused, "model": ident.model, "model_hash": ident.model_hash,
        "tool_version": ident.tool_version, "clock_hz": ident.clock_hz, "clock_fallback": FALLBACK in ident.flag_names,
        "flags": list(ident.flag_names), "counter": ident.counter, "arena_bytes": ident.arena_bytes,
    }  # fmt: skip


COMMAND = Command("flash", 45, "build, write the firmware to a board, and check that it runs there", arguments, run)

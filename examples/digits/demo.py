"""The main job on a small network: build firmware, run it on real images, and say what it costs.

    make demo                                     # from the top of the checkout, on a bare machine
    python examples/digits/demo.py --board hifive1 --images 50

Every step is one `tinyml` command, printed before it runs, so that it can be typed by hand. Where the cross compiler or
the emulator of the board is missing, the board `host` takes its place, and the output says so.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.board import load_board
from tinyml.device.tools import install_command, missing_tools

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
MODEL = HERE / "digits.tflite"
TEST_SET = HERE / "digits_test.npz"


def tinyml(*arguments: object) -> dict[str, Any]:
    """Run one tinyml command with --json and return what it says; its text for people goes straight to the terminal.

    Raises SystemExit with the command's own exit code where it fails (it has said why).
    """
    words = [shorter(a) for a in arguments]
    print(f"\n$ tinyml {shlex.join(words)}", flush=True)
    beside = Path(sys.executable).with_name("tinyml")
    command = str(beside if beside.exists() else shutil.which("tinyml") or "tinyml")
    done = subprocess.run([command, *words, "--json"], stdout=subprocess.PIPE, text=True, cwd=REPO)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout)


def shorter(argument: object) -> str:
    """A path in the checkout relative to its top, where the commands run; anything else as it is."""
    if isinstance(argument, Path) and argument.is_relative_to(REPO):
        return str(argument.relative_to(REPO))
    return str(argument)


def choose_board(wanted: str) -> str:
    """The board to build for: `host` where the tools for the wanted one are not installed."""
    missing = missing_tools(load_board(wanted))
    if missing:
        names = " and ".join(tool.program for tool in missing)
        print(f"{names} not found: using the board 'host' in place of {wanted} (to install: {install_command(missing)})")
        return "host"
    return wanted


def picture(image: np.ndarray) -> list[str]:
    """An int8 image [8,8,1] as eight lines of text, two characters a pixel."""
    shades = " .:+#@"
    levels = (image[..., 0].astype(int) + 128) * len(shades) // 256
    return ["".join(shades[level] * 2 for level in row) for row in levels]


def show_some(images: np.ndarray, labels: np.ndarray, answers: np.ndarray, count: int = 4) -> None:
    """A few images side by side with what the firmware made of them."""
    count = min(count, len(images))
    for line in zip(*(picture(image) for image in images[:count]), strict=True):
        print("  " + "   ".join(line))
    print("  " + "   ".join(f"is {label}, says {a}".ljust(16) for label, a in zip(labels[:count], answers, strict=False)))


def main() -> None:
    parser = argparse.ArgumentParser(description="build, prove and measure the digits example")
    parser.add_argument("--board", default="stm32f746")
    parser.add_argument("--images", type=int, help="how many of the test images (default: all)")
    parser.add_argument("-o", "--output", type=Path, default=REPO / "build" / "digits", help="where the firmware goes")
    arguments = parser.parse_args()

    arguments.output = arguments.output.resolve()
    board = choose_board(arguments.board)
    where = ("--board", board, "--on", "host" if board == "host" else "emulator")
    with np.load(TEST_SET) as data:
        images, labels = data["inputs"][: arguments.images], data["labels"][: arguments.images]

    tinyml("build", MODEL, "--board", board, "-o", arguments.output)
    plan = tinyml("plan", MODEL, "--board", board)
    inputs, outputs = (arguments.output.with_name(f"digits_{what}.npy") for what in ("images", "answers"))
    np.save(inputs, images)
    tinyml("run", MODEL, *where, "--input", inputs, "--output", outputs)
    answers = np.load(outputs).reshape(len(images), -1).argmax(axis=1)
    proof = tinyml("verify", MODEL, *where, "--data", TEST_SET, "--samples", len(images))
    bench = tinyml("bench", MODEL, *where) if board != "host" else None

    print(f"\nThe digits example on {board}\n")
    show_some(images, labels, answers)
    correct = int((answers == labels).sum())
    ram, flash = plan["ram"], plan["flash"]
    print(f"\n  accuracy       {correct / len(labels):.1%} ({correct} of {len(labels)} test images)")
    print(f"  against LiteRT {proof['mismatches']} of {proof['elements']:,} outputs differ")
    print(f"  RAM            {ram['arena']:,} bytes for the network, {ram['total']:,} in all, of {ram['budget']:,}")
    code = "" if flash.get("code") is None else f" and {flash['code']:,} of code"
    print(f"  flash          {flash['weights']:,} bytes of weights{code}, {flash['total']:,} in all, of {flash['budget']:,}")
    if bench:
        count, macs = bench["instructions"], bench["macs"]
        print(f"  instructions   {count:,} an inference, {count / macs:.2f} per multiply-accumulate; per layer in the table above")
    else:
        print("  instructions   are counted under emulation: they need a cross compiler and QEMU (see tinyml doctor)")
    print(f"\nThe firmware's sources are in {shorter(arguments.output)}/.")


if __name__ == "__main__":
    main()

"""Writing a project's image to a board, through PlatformIO and the upload tool that it knows for the board."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from tinyml.board import Board
from tinyml.device.image import flat_image, intel_hex, read_image
from tinyml.device.platformio import Say, build_failure, last_word, missing_packages, require_platformio, run_platformio
from tinyml.errors import BuildError, DeviceError, Timeout, TinymlError, printable

UPLOAD_S = 600.0
INSTALL_S = 3600.0
RULES = "99-platformio-udev.rules"


def upload(folder: Path, board: Board, port: str | None, say: Say) -> None:
    """`pio run -t upload` in a project folder: PlatformIO builds what changed, and writes the image to the board.

    Raises DeviceError where the board or the permission to use it is missing, BuildError for the upload tool, Timeout."""
    _upload(folder, board, port, say, [])


def upload_image(folder: Path, board: Board, elf: Path, port: str | None, say: Say) -> None:
    """The same with an image that is not PlatformIO's: it is written as it is."""
    target = folder / ".pio" / "build" / board.name
    target.mkdir(parents=True, exist_ok=True)
    main, *others = board.usable_banks("flash")
    origin, data = flat_image(elf, (main,))  # what lies in chips beside it would be gigabytes further on
    stored = {s.name for s in read_image(elf).sections if s.stored}
    parts = [(origin, data), *(flat_image(elf, (b,)) for b in others if f".bank_{b.name}" in stored)]
    (target / "firmware.elf").write_bytes(elf.read_bytes())
    (target / "firmware.bin").write_bytes(data)
    (target / "firmware.hex").write_text(intel_hex(*parts), encoding="ascii")
    # PlatformIO empties the build folder of a project that it has not built, unless it is told not to
    _upload(folder, board, port, say, ["--disable-auto-clean", "-t", "nobuild"])


def _upload(folder: Path, board: Board, port: str | None, say: Say, words: list[str]) -> None:
    require_platformio(board)
    bound = INSTALL_S if missing_packages(board) else UPLOAD_S
    code, text = run_platformio(folder, [*words, "-t", "upload", *(["--upload-port", port] if port else [])], say, bound)
    if code:
        raise upload_failure(text, board)


# What upload tools print, by what the user can do about it. The first that is found is told.
_DENIED = r"LIBUSB_ERROR_ACCESS|insufficient permissions|[Pp]ermission denied|Access denied|libusb_open\(\) failed"
_NO_TOOL = r"(?:sh: (?:\d+|line \d+): |/bin/sh: )?([\w./+-]+): (?:command )?not found|\[Errno 2\] No such file or directory: '([^']+)'"
_NO_PROBE = (
    r"open failed|init mode failed|no device found|No emulators connected|Could not (?:find|connect to) .*(?:J-?Link|[Ee]mulator|WCH-?Link)"
    r"|No (?:valid )?(?:device|WCH-?Link|probe)s? found|No DFU capable USB device|Couldn't find an? ST-?L(?:ink|INK)|unable to find .*CMSIS-DAP"
    r"|Failed to connect to ESP|could not open port|unable to open (?:ftdi|jlink|st-?link)"
)


def upload_failure(text: str, board: Board) -> TinymlError:
    """What an upload tool said, as one line."""
    pio = board.platformio
    assert pio is not None
    place = f"{board.name}, {pio.upload_protocol}"
    if re.search(_DENIED, text):
        return DeviceError(place, "this user may not use the programmer", udev_hint())
    tool = re.search(_NO_TOOL, text)
    if tool:
        name = os.path.basename(tool[1] or tool[2])
        return BuildError(
            place, f"the upload tool {printable(name)} is not installed", "install it: PlatformIO does not bring it", stage="flash"
        )
    probe = re.search(_NO_PROBE, text)
    if probe:
        others = [p for p in pio.upload_protocols if p != pio.upload_protocol]
        other = f", or upload in another way with --upload-protocol {'|'.join(others)}" if others else ""
        return DeviceError(
            place, f"no programmer answers ({printable(probe[0])})", f"connect the board with a cable that carries data{other}"
        )
    if re.search(r"timed out|[Tt]imeout", text):
        return Timeout(place, "the upload tool got no answer in time", "reset the board, and try again", stage="flash")
    if " error: " in text or "overflowed by" in text or "InternetConnectionError" in text or "HTTPClientError" in text:
        return build_failure(text, board)
    return DeviceError(place, f"the upload failed: {printable(last_word(text), 200)}", "see `pio run -t upload -v` in the project's folder")


def udev_hint() -> str:
    """The command that lets every user of this computer use the programmers that PlatformIO knows."""
    spec = importlib.util.find_spec("platformio")
    rules = Path(spec.origin or "").parent / "assets" / "system" / RULES if spec else Path(RULES)
    return f"run: sudo cp {rules} /etc/udev/rules.d/ && sudo udevadm control --reload-rules && sudo udevadm trigger, then plug it in again"

"""Fills a PlatformIO core folder with local stand-ins for the packages that a generated project asks for (see README.md)."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from platformio.dependencies import get_core_dependencies
from platformio.package.meta import PackageSpec

from tinyml.board import Board
from tinyml.device.platformio import platform_name

HERE = Path(__file__).resolve().parent
PROGRAMS = ("ar", "as", "gcc", "g++", "objcopy", "ranlib", "size")
RISCV = ["-march={march}", "-mabi={mabi}"]
# What the upstream platforms give a project without a framework: the compiler's name there, and flags by SCons variable.
FLAGS = {
    "ststm32": (
        "arm-none-eabi-",
        {
            "ASFLAGS": ["-mthumb", "-mcpu={cpu}"],
            "CCFLAGS": ["-Os", "-ffunction-sections", "-fdata-sections", "-Wall", "-mthumb", "-mcpu={cpu}"],
            "LINKFLAGS": ["-Os", "-Wl,--gc-sections,--relax", "-mthumb", "-mcpu={cpu}"],
            "LIBS": ["c", "gcc", "m", "stdc++"],
        },
    ),
    "sifive": (
        "riscv64-unknown-elf-",
        {
            "ASFLAGS": RISCV,
            "CCFLAGS": ["-Os", "-Wall", *RISCV, "-mcmodel=medlow"],
            "LINKFLAGS": ["-Os", "-nostartfiles", *RISCV, "--specs=nano.specs", "-Wl,--gc-sections"],
            "LIBS": ["c"],
        },
    ),
    "gd32v": (
        "riscv-nuclei-elf-",
        {
            "ASFLAGS": RISCV,
            "CFLAGS": ["-std=gnu11"],
            "CCFLAGS": ["-Os", "-Wall", *RISCV, "-fsigned-char", "-ffunction-sections", "-fdata-sections", "-fno-common"],
            "LINKFLAGS": [*RISCV, "-nostartfiles", "-Xlinker", "--gc-sections", "--specs=nano.specs"],
            "LIBS": ["c"],
        },
    ),
    "ch32v": (
        "riscv-none-embed-",
        {
            "ASFLAGS": RISCV,
            "CFLAGS": ["-std=gnu99"],
            "CCFLAGS": ["-Os", "-g", "-msmall-data-limit=8", "-msave-restore", "-ffunction-sections", "-fdata-sections", *RISCV],
            "LINKFLAGS": ["-Os", *RISCV, "-Wl,-gc-sections", "--specs=nano.specs", "--specs=nosys.specs", "-nostartfiles"],
            "LIBS": ["m"],
        },
    ),
}


def is_served(board: Board) -> bool:
    """There is a stand-in for the board's platform, and its compiler is here."""
    known = board.platformio is not None and platform_name(board) in FLAGS
    return known and board.framework is None and shutil.which(board.toolchain.cc) is not None


def environment(core: Path) -> dict[str, str]:
    """For a PlatformIO with this core folder and no way to the network: every proxy is a port where nobody listens."""
    closed = "http://127.0.0.1:9"
    outside = {k: v for k, v in os.environ.items() if not k.upper().startswith("PLATFORMIO_")}
    return outside | {
        "PLATFORMIO_CORE_DIR": str(core),
        **{k: closed for k in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")},
        "no_proxy": "",
        "NO_PROXY": "",
    }


def make_core(core: Path, boards: Iterable[Board]) -> Path:
    """Stand-ins for the platforms of `boards` and all they need, in the core folder `core`, which must be empty."""
    core.mkdir(parents=True, exist_ok=True)
    assert not any(core.iterdir()), f"{core} is not empty"
    by_platform: dict[str, list[Board]] = {}
    for board in filter(is_served, boards):
        assert board.platformio is not None
        by_platform.setdefault(board.platformio.platform, []).append(board)
    for spec, members in by_platform.items():
        _platform(core, PackageSpec(spec), members)
    version = get_core_dependencies()["tool-scons"].lstrip("~^=")
    scons = _package(core / "packages" / "tool-scons", "tool", PackageSpec(owner="platformio", name="tool-scons"), version)
    (scons / "scons.py").write_text("from SCons.Script import main\n\nmain()\n", encoding="utf-8")
    return core


def _platform(core: Path, spec: PackageSpec, boards: list[Board]) -> None:
    name = platform_name(boards[0])
    prefix, flags = FLAGS[name]
    version = _lowest(str(spec.requirements or "1.0.0"))
    folder = core / "platforms" / name
    shutil.copytree(HERE / "platform", folder, ignore=shutil.ignore_patterns("__pycache__"))
    toolchain = f"toolchain-{name}"
    manifest = {
        "name": name, "title": name, "version": version, "description": "stand-in", "frameworks": {},
        "packages": {toolchain: {"type": "toolchain", "owner": "platformio", "version": "1.0.0"}},
        "stand_in": {"prefix": prefix, "flags": flags},
    }  # fmt: skip
    _write(folder / "platform.json", manifest)
    _piopm(folder, "platform", name, spec, version)
    for board in boards:
        assert board.platformio is not None
        _write(folder / "boards" / f"{board.platformio.board}.json", _board(board))
    tools = _package(core / "packages" / toolchain, "tool", PackageSpec(owner="platformio", name=toolchain), "1.0.0")
    (tools / "bin").mkdir()
    for program in PROGRAMS:
        system = shutil.which(boards[0].toolchain.prefix + program)
        if system:
            script = tools / "bin" / f"{prefix}{program}"
            script.write_text(f'#!/bin/sh\nexec "{system}" "$@"\n', encoding="utf-8")
            script.chmod(script.stat().st_mode | stat.S_IXUSR)


def _board(board: Board) -> dict:
    pio = board.platformio
    assert pio is not None
    # rv32imacxw: instructions of the vendor's that only the vendor's compiler knows
    march = "rv32imacxw" if "ch32v" in pio.platform else "rv32imac"
    return {
        "name": board.title, "vendor": "stand-in", "url": "", "frameworks": [],
        "build": {"cpu": board.core, "mcu": board.name, "f_cpu": f"{board.f_cpu_hz}L", "march": march, "mabi": "ilp32"},
        "upload": {
            "maximum_ram_size": board.ram_bytes, "maximum_size": board.flash_bytes,
            "protocol": pio.upload_protocol, "protocols": list(pio.upload_protocols),
        },
    }  # fmt: skip


def _package(folder: Path, kind: str, spec: PackageSpec, version: str) -> Path:
    _write(folder / "package.json", {"name": spec.name, "version": version, "description": "stand-in"})
    _piopm(folder, kind, spec.name, spec, version)
    return folder


def _piopm(folder: Path, kind: str, name: str, spec: PackageSpec, version: str) -> None:
    origin = {"owner": spec.owner, "id": None, "name": spec.name, "requirements": None, "uri": spec.uri}
    _write(folder / ".piopm", {"type": kind, "name": name, "version": version, "spec": origin})


def _lowest(requirement: str) -> str:
    """1.2 and ^1.2 -> 1.2.0: the lowest version that satisfies them."""
    parts = requirement.lstrip("^~=> v").split(".")
    return ".".join((parts + ["0", "0"])[:3])


def _write(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")

"""`tinyml doctor`: what is installed, what is missing, and the exact command that installs it."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys

from tinyml.board import Board
from tinyml.commands.common import Command, Console
from tinyml.commands.firmware import all_boards
from tinyml.device.platformio import missing_packages, platform_name
from tinyml.device.tools import find_tools, install_command
from tinyml.witness import find_litert


def checks() -> list[dict[str, object]]:
    """One entry per program and package: name, whether it is there, what it is for, how to get it; optional: it comes by itself."""
    out: list[dict[str, object]] = []
    version = ".".join(map(str, sys.version_info[:3]))
    out.append({"name": "python", "ok": sys.version_info >= (3, 11), "what": version, "fix": "install Python 3.11 or newer"})
    users: dict[str, list[str]] = {}
    tools = {}
    for board in all_boards():
        for tool in find_tools(board):
            tools[tool.program] = tool
            users.setdefault(tool.program, []).append(board.name)
    for program, tool in tools.items():
        what = f"{tool.purpose} for {', '.join(users[program])}" + (f" ({tool.path})" if tool.path else "")
        out.append({"name": program, "ok": tool.path is not None, "what": what, "fix": "" if tool.path else install_command((tool,))})
    litert = find_litert()
    found = litert.__name__.split(".")[0] if litert else "not installed"
    out.append(
        {
            "name": "LiteRT",
            "ok": litert is not None,
            "what": f"the witness of verify: {found}",
            "fix": "" if litert else "pip install 'tinyml[verify]'",
        }
    )
    for package in ("platformio", "pyserial"):
        try:
            out.append({"name": package, "ok": True, "what": importlib.metadata.version(package), "fix": ""})
        except importlib.metadata.PackageNotFoundError:
            out.append({"name": package, "ok": False, "what": "for boards on the desk", "fix": f"pip install {package}"})
    return [{"optional": False, **c} for c in out] + platforms()


def platforms() -> list[dict[str, object]]:
    """PlatformIO's platforms, which it downloads when it first builds for a board or flashes one."""
    users: dict[str, list[Board]] = {}
    for board in all_boards():
        if board.platformio:
            users.setdefault(board.platformio.platform, []).append(board)
    out: list[dict[str, object]] = []
    for spec, boards in users.items():
        missing = sorted({m for board in boards for m in missing_packages(board)})
        state = f"not installed: {', '.join(missing)}" if missing else "installed"
        out.append(
            {
                "name": f"PlatformIO {platform_name(boards[0])}", "ok": not missing, "optional": True,
                "what": f"build and flash {', '.join(b.name for b in boards)}: {state}",
                "fix": f"pio pkg install -g -p '{spec}'" if missing else "",
            }
        )  # fmt: skip
    return out


def run(args: argparse.Namespace, console: Console) -> None:
    found = checks()
    for c in found:
        mark = "ok     " if c["ok"] else "-      " if c["optional"] else "MISSING"
        fix = (
            f"; run: {c['fix']}"
            if c["fix"] and not c["optional"]
            else f"; downloaded when first used, or by: {c['fix']}"
            if c["fix"]
            else ""
        )
        console.print(f"{mark} {c['name']}: {c['what']}" + (fix if not c["ok"] else ""))
    missing = sum(not c["ok"] and not c["optional"] for c in found)
    console.print(
        "everything is there" if not missing else f"{missing} missing: what they are for is not available until they are installed"
    )
    console.result({"checks": found, "ok": not missing})


COMMAND = Command("doctor", 80, "say what is missing on this computer and how to install it", lambda p: None, run)

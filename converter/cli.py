"""The command line. Each command is one module of `tinyml.commands`; this file parses, dispatches and reports errors."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence

import tinyml.commands
from tinyml import __version__
from tinyml.commands.common import Command, Console
from tinyml.errors import InternalError, TinymlError, UsageError, printable


def load_commands() -> list[Command]:
    """Every module of tinyml.commands that defines COMMAND, in the order a user meets them."""
    modules = (importlib.import_module(f"tinyml.commands.{m.name}") for m in pkgutil.iter_modules(tinyml.commands.__path__))
    return sorted((m.COMMAND for m in modules if hasattr(m, "COMMAND")), key=lambda c: c.rank)


class _Parser(argparse.ArgumentParser):
    """argparse with the documented exit code and one-line errors."""

    def error(self, message: str):  # type: ignore[override]
        raise UsageError(self.prog, message, f"see {self.prog} --help")


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tinyml", description="Neural networks for microcontrollers: planned, generated, proved.")
    parser.add_argument("--version", action="version", version=f"tinyml {__version__}")
    sub = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in load_commands():
        p = sub.add_parser(command.name, help=command.help, description=command.help)
        p.add_argument("--json", action="store_true", help="machine-readable result on stdout, text on stderr")
        p.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.arguments(p)
        p.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code (design: 0 ok, 1 internal, 2 usage, ... 9 timeout)."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        args = make_parser().parse_args(words)
        return int(args.run(args, Console(args.json)) or 0)
    except TinymlError as e:
        return _fail(e, as_json, "--debug" in words)
    except KeyboardInterrupt:
        print("tinyml: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as e:  # an error of ours: still one line
        error = InternalError(type(e).__name__, printable(e, 300), "run again with --debug and report the traceback")
        return _fail(error, as_json, "--debug" in words, e)


def _fail(error: TinymlError, as_json: bool, debug: bool, cause: Exception | None = None) -> int:
    if debug:
        traceback.print_exception(cause or error)
    print(f"tinyml: {error.line()}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": error.to_json(), **(error.result or {})}))
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""Errors a user can cause or meet: one line each, with the documented exit code.

The line reads ``stage: place: what; fix``. Everything that comes from a model file passes through
:func:`printable` before it reaches a message, so that a hostile name can not write escape codes to a terminal.
"""

from __future__ import annotations

from typing import Any

MAX_NAME = 80


def printable(text: Any, limit: int = MAX_NAME) -> str:
    """`text` with everything but printable ASCII escaped, cut to `limit` characters: safe on any terminal."""
    raw = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    safe = "".join(c if " " <= c <= "~" and c != "\\" else c.encode("unicode_escape").decode() for c in raw[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


class TinymlError(Exception):
    """`place` is where (file, operator, option), `what` is wrong, `fix` is what the user can do."""

    exit_code = 1
    stage = "tinyml"
    result: dict[str, Any] | None = None  # what --json prints beside the error

    def __init__(self, place: str, what: str, fix: str = "", *, stage: str | None = None):
        self.place, self.what, self.fix = place, what, fix
        self.stage = stage or type(self).stage
        super().__init__(self.line())

    def line(self) -> str:
        parts = [self.stage, self.place, self.what + (f"; {self.fix}" if self.fix else "")]
        return " ".join(": ".join(p for p in parts if p).split())

    def to_json(self) -> dict[str, Any]:
        return {"stage": self.stage, "place": self.place, "what": self.what, "fix": self.fix, "exit_code": self.exit_code}


class InternalError(TinymlError):
    """Our own fault: a pass broke the graph, the checker refused a plan."""

    exit_code, stage = 1, "internal"


class UsageError(TinymlError):
    exit_code, stage = 2, "usage"


class InvalidModel(TinymlError):
    exit_code, stage = 3, "import"


class Unsupported(TinymlError):
    """One or many operators that cannot be built; the message lists all of them."""

    exit_code, stage = 4, "import"


class DoesNotFit(TinymlError):
    exit_code, stage = 5, "plan"


class BuildError(TinymlError):
    exit_code, stage = 6, "build"


class DeviceError(TinymlError):
    exit_code, stage = 7, "device"


class Mismatch(TinymlError):
    exit_code, stage = 8, "verify"


class Timeout(TinymlError):
    exit_code, stage = 9, "device"

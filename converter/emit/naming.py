"""Names that are safe in C, in paths and in comments, whatever the model file called itself."""

from __future__ import annotations

import re

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main "
    "asm bool catch class delete explicit export false friend mutable namespace new operator private protected public "
    "template this throw true try typeid typename using virtual and or not xor".split()
)

# The model's header is <identifier>.h in a folder on the include path: it must not stand in front of a system header.
_HEADERS = frozenset(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype "
    "alloca arduino dirent endian features fcntl machine malloc memory newlib picolibc poll pthread sched semaphore "
    "strings unistd values wait".split()
)


def c_identifier(name: str, limit: int = 40) -> str:
    """A lower-case C and C++ identifier made from `name`; never empty, never a keyword, a system header or reserved."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower())[:limit].strip("_")
    if not text:
        return "model"
    # tm and tm_* are the runtime's; x_weights.h is a file of model x
    taken = text in _KEYWORDS or text in _HEADERS or f"{text}_".startswith("tm_")
    if taken or text[0].isdigit() or text.endswith("_weights"):
        return f"m_{text.removesuffix('_weights')}" + ("_weights_net" if text.endswith("_weights") else "")
    return text


def c_comment(text: str) -> str:
    """`text` for use inside /* */: printable ASCII without comment marks, trigraphs or line splices."""
    safe = re.sub(r"[^ -~]", "?", text).replace("\\", "/")
    return re.sub(r"(?<=[?])(?=[?])|(?<=[*])(?=/)|(?<=/)(?=[*])", " ", safe)

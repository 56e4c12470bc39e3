"""Names that are safe in C, in paths and in comments, whatever the model file called itself."""

from __future__ import annotations

import re

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main "
    "asm bool catch class delete explicit export false friend mutable namespace new operator private protected public "
    "template this throw true try typeid typename using virtual and or not xor".split()
)


def c_identifier(name: str, limit: int = 40) -> str:
    """A lower-case C and C++ identifier made from `name`; never empty, never a keyword, never reserved."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower())[:limit].strip("_")
    if not text:
        return "model"
    if text[0].isdigit() or text in _KEYWORDS or text.startswith("tm_"):
        return "m_" + text
    return text


def c_comment(text: str) -> str:
    """`text` for use inside /* */: printable ASCII without comment marks, trigraphs or line splices."""
    safe = re.sub(r"[^ -~]", "?", text).replace("\\", "/").replace("??", "? ?")
    return safe.replace("*/", "* /").replace("/*", "/ *")

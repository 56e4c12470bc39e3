"""A real browser for tests of the HTML report: what it draws, what it complains of, what it asks the network for."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PROBE = """
<script>
addEventListener("load", () => {
  const rect = (e) => { const r = e.getBoundingClientRect(); return [r.left + scrollX, r.top + scrollY, r.width, r.height]; };
  const all = (s, f) => Array.from(document.querySelectorAll(s), f);
  const found = {
    svg: all("svg", (s) => ({id: s.id, rect: rect(s), texts: all("#" + s.id + " text", (t) => ({text: t.textContent, rect: rect(t)}))})),
    boxes: all("rect.box", (b) => ({...b.dataset, rect: rect(b), title: b.textContent})),
    peak: all("rect.peakline", rect), stages: all("g.stage", (g) => g.dataset.step),
    steps: all("#steps tr[id]", (r) => r.id), buffers: all("#buffers tr[id]", (r) => r.id), dots: all("#frontchart circle", rect),
    requests: performance.getEntriesByType("resource").map((r) => r.name), width: document.documentElement.scrollWidth,
    tags: [...new Set(all("*", (e) => e.localName))],
  };
  const out = document.createElement("pre");
  out.id = "probe"; out.hidden = true; out.textContent = JSON.stringify(found);
  document.body.append(out);
});
</script>
"""


def find_browser() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(
    find_browser() is None and os.environ.get("TINYML_STRICT") != "1", reason=f"not installed: any of {', '.join(PROGRAMS)}"
)


@dataclass(frozen=True)
class Seen:
    """found: what PROBE collected, in CSS pixels of the page. console: lines the page caused there. pixels: [H, W, 3] of the window."""

    found: dict[str, Any]
    console: list[str]
    pixels: np.ndarray


def look(page: str, folder: Path, picture: Path, width: int = 1280, height: int = 900) -> Seen:
    """Opens the page; `picture` is the screenshot that stays. The page may not run scripts, the probe in this copy may."""
    policy = "style-src 'unsafe-inline'"
    assert page.count(policy) == 1
    copy = folder / "page.html"
    copy.write_text(page.replace(policy, f"{policy}; script-src 'unsafe-inline'").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    browser = find_browser()
    assert browser, f"none of {', '.join(PROGRAMS)} is installed"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.unlink(missing_ok=True)
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}",
         f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", f"--screenshot={picture}", "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    probe = re.search(r'<pre id="probe" hidden="">(.*?)</pre>', done.stdout, re.DOTALL)
    assert probe and picture.is_file(), done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Seen(json.loads(unescape(probe[1])), console, read_png(picture.read_bytes()))


def read_png(data: bytes) -> np.ndarray:
    """Pixels [H, W, 3] of a PNG with 8 bits per channel, RGB or RGBA, not interlaced."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, header = 8, b"", b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        header, packed = (body if kind == b"IHDR" else header), (packed + body if kind == b"IDAT" else packed)
        at += size + 12
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert depth == 8 and color in (2, 6) and not interlaced
    n = 3 if color == 2 else 4
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * n)
    out = np.zeros((height, width, n), np.int64)
    above = np.zeros((width, n), np.int64)
    for y in range(height):
        line = raw[y, 1:].reshape(width, n).astype(np.int64)
        above = out[y] = _unfilter(raw[y, 0], line, above)
    return out[..., :3].astype(np.uint8)


def _unfilter(kind: int, line: np.ndarray, above: np.ndarray) -> np.ndarray:
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0) % 256
    if kind == 2:
        return (line + above) % 256
    left, corner, rows = [0] * line.shape[1], [0] * line.shape[1], []
    for value, up in zip(line.tolist(), above.tolist(), strict=True):
        if kind == 3:
            left = [(v + (a + b) // 2) % 256 for v, a, b in zip(value, left, up, strict=True)]
        else:
            left = [(v + _paeth(a, b, c)) % 256 for v, a, b, c in zip(value, left, up, corner, strict=True)]
        corner = up
        rows.append(left)
    return np.array(rows)


def _paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    distance = abs(p - a), abs(p - b), abs(p - c)
    return (a, b, c)[distance.index(min(distance))]

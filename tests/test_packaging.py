"""The wheel holds all that a build needs, works away from the checkout, and the checkout's own files agree with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import REPO, needs

DIGITS = REPO / "examples" / "digits" / "digits.tflite"
# Source folder in the checkout -> folder in the wheel, and the files that must arrive there.
PARTS = {"converter": ("tinyml", "*.py"), **{d: (f"tinyml/{d}", "*") for d in ("runtime_c", "templates", "boards")}}
ARTEFACTS = {".pyc", ".o", ".a", ".so"}


def run(*command: object, **options: object) -> str:
    """Standard output of a command; the test fails with all that was printed where the command fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources: building in the checkout would pick up an older build/ folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in PARTS:
        shutil.copytree(REPO / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPO / name, source)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_every_source_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{target}/{path.relative_to(REPO / folder).as_posix()}"
        for folder, (target, pattern) in PARTS.items()
        for path in (REPO / folder).rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in ARTEFACTS
    }
    kinds = {Path(name).suffix for name in wanted}
    assert {".py", ".c", ".h", ".S", ".toml", ".j2"} <= kinds, f"the search found only {sorted(kinds)}"
    assert wanted - inside == set()
    assert {name for name in inside if Path(name).suffix in ARTEFACTS} == set()


@pytest.mark.slow
@needs("cc")
def test_installed_wheel_builds_the_example_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """The main job from an empty environment, in a folder and with a home that have nothing of the checkout."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, env=environment)
    shutil.copy(DIGITS, tmp_path / "digits.tflite")

    where = run(python, "-c", "import tinyml; print(tinyml.__file__)", cwd=tmp_path, env=environment)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    tinyml = tmp_path / "venv" / "bin" / "tinyml"
    run(tinyml, "build", "--board", "host", "digits.tflite", "-o", "out", cwd=tmp_path, env=environment)
    sources = sorted((tmp_path / "out").rglob("*.c"))
    assert sources, "no C was written"
    text = "\n".join(path.read_text() for path in sources)
    assert str(REPO) not in text, "the generated C names the checkout"

    run(tinyml, "build", "--board", "hifive1", "--no-compile", "digits.tflite", "-o", "pio", cwd=tmp_path, env=environment)
    written = {path.relative_to(tmp_path / "pio").as_posix(): path.read_text() for path in (tmp_path / "pio").rglob("*") if path.is_file()}
    assert {"platformio.ini", "board/link.ld", "board/compile.py", "src/board/_riscv/crt0.S", "lib/digits/library.json"} <= set(written)
    assert "lib/tinyml_runner/src/runner.c" in written and "lib/tinyml_runtime/library.properties" in written
    for name, text in written.items():
        assert str(REPO) not in text and str(tmp_path) not in text, name


def test_every_dependency_says_why_it_is_there() -> None:
    text = (REPO / "pyproject.toml").read_text()
    lines = [line for line in text.splitlines() if re.match(r'  "(?!tinyml\[)[a-z0-9-]+>=', line)]
    assert len(lines) > 10
    assert [line for line in lines if not re.search(r",\s+# \w+", line)] == []

"""Every benchmark starts: what it imports is there, and a script says what it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
FILES = sorted(path.name for path in FOLDER.glob("*.py"))
PEER = {"peer_network.py": "spikingjelly", "peer_spikingjelly.py": "spikingjelly"}
"""Those that run in an environment of another library, and what they look for."""
STARTING = """
import contextlib, io, json, runpy, sys
found = {}
for path in sys.argv[2:]:
    sys.argv, said = [path, "--help"], io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(path, run_name="__main__")
        found[path] = "" if said.getvalue() == "" else "it ran"
    except SystemExit as ended:
        found[path] = "" if ended.code == 0 and said.getvalue().startswith("usage: ") else f"exit {ended.code}"
    except Exception as error:
        found[path] = f"{type(error).__name__}: {error}"
json.dump(found, sys.stdout)
"""
"""One process for all: torch is imported once."""


@pytest.fixture(scope="module")
def started() -> dict[str, str]:
    """By file, what went wrong; nothing where nothing did."""
    command = [sys.executable, "-c", STARTING, "", *(str(FOLDER / name) for name in FILES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=FOLDER)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return {Path(path).name: wrong for path, wrong in found.items()}


@pytest.mark.parametrize("name", FILES)
def test_it_starts(name, started):
    missing = f"ModuleNotFoundError: No module named '{PEER[name]}'" if name in PEER else ""
    assert started[name] in ("", missing)

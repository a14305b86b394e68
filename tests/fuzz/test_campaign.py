"""Two thousand files changed by chance, in a process of their own that may crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CASES = 2000
CAMPAIGN = Path(__file__).with_name("campaign.py")


def test_changed_files_are_refused_or_run(tmp_path):
    command = [sys.executable, str(CAMPAIGN), "--cases", str(CASES), "--seed", "1", "--log", str(tmp_path / "case")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, cwd=tmp_path)
    case = (tmp_path / "case").read_text() if (tmp_path / "case").is_file() else "none"
    assert done.returncode == 0, f"at case {case}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert done.stdout.startswith(f"{CASES} cases of seed 1: ")
    counts = dict(reversed(part.split(" ", 1)) for part in done.stdout.strip().partition(": ")[2].split(", "))
    assert int(counts["ran"]) > CASES // 20, "too few of the changed files are networks still"
    assert int(counts["refused"]) > CASES // 2, "too few of the changed files are refused"

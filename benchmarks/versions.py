"""Two versions of isospike side by side, in one run: processor time, memory, and whether they give the same.

    git worktree add ../before COMMIT
    python benchmarks/versions.py --before ../before --after . --out benchmarks/results/versions.json

Processes of the two versions take turns, each runs every case of `version_cases.py`; what is read is the median over
the rounds of the ratio within a round, after over before.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from isospike.files import check_writable, replacing
from machine import describe
from rounds import ratio

CASES = Path(__file__).with_name("version_cases.py")
Round = dict[str, dict[str, Any]]
"""By case what one process measured."""


def main() -> None:
    """Measure, print a table and write JSON."""
    options = parsed()
    if options.out is not None:
        check_writable(options.out)
    machine = describe()
    rounds: dict[str, list[Round]] = {"before": [], "after": []}
    for number in range(options.rounds):
        for version in rounds:
            print(f"round {number + 1} of {options.rounds}: {version}", file=sys.stderr, flush=True)
            rounds[version].append(measured(getattr(options, version)))
    compared = compare(rounds)
    print(table(compared))
    if options.out is not None:
        found = {"command": shlex.join(["python", *sys.argv]), "machine": machine, "cases": compared}
        with replacing(options.out) as beside:
            beside.write_text(json.dumps(found, indent=2) + "\n")


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="checkout of the earlier version")
    parser.add_argument("--after", type=Path, required=True, help="checkout of the later version")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each version")
    parser.add_argument("--out", type=Path, help="JSON file")
    return parser.parse_args()


def measured(checkout: Path) -> Round:
    """What one process of a version measured."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve() / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(CASES)], capture_output=True, text=True, check=True, env=environment)
    found: Round = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(rounds: dict[str, list[Round]]) -> dict[str, dict[str, Any]]:
    """By case the ratios, the medians, and whether every process of both versions gave the same."""
    compared = {}
    for name in rounds["before"][0]:
        runs = {version: [one[name] for one in each] for version, each in rounds.items()}
        seconds = {version: [one["seconds"] for one in each] for version, each in runs.items()}
        digests = {one["digest"] for each in runs.values() for one in each}
        compared[name] = {
            "time": ratio(seconds["after"], seconds["before"]),
            "seconds": {version: statistics.median(times) for version, times in seconds.items()},
            "mib": {version: statistics.median(one["mib"] or 0.0 for one in each) for version, each in runs.items()},
            "same": None if digests == {None} else len(digests) == 1,
        }
    return compared


def table(compared: dict[str, dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "| case | before s | after s | after / before | before MiB | after MiB | same result |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, case in compared.items():
        seconds, mib, same = case["seconds"], case["mib"], {None: "-", True: "yes", False: "no"}[case["same"]]
        lines.append(
            f"| {name} | {seconds['before']:.4f} | {seconds['after']:.4f} | {case['time']['median']:.2f} "
            f"| {mib['before']:.1f} | {mib['after']:.1f} | {same} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

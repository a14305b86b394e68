"""Prints one Markdown table from files that ``isospike evaluate --json`` wrote.

    python benchmarks/accuracy.py benchmarks/results/cifar10-resnet20-*.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def table(paths: list[Path]) -> str:
    """One row per file: accuracy in percent of the ANN and of the SNN after each number of steps."""
    results = {path.stem: json.loads(path.read_text()) for path in paths}
    steps = sorted({int(t) for result in results.values() for t in result["snn"]})
    rows = [["result", "images", "ANN", *(f"T={t}" for t in steps)]]
    rows.append(["---"] * len(rows[0]))
    for name, result in results.items():
        curve = [result["snn"].get(str(t)) for t in steps]
        cells = ["" if at is None else f"{100 * at['top1']:.2f}" for at in curve]
        rows.append([name, str(result["images"]), f"{100 * result['ann']['top1']:.2f}", *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/accuracy.py RESULT.json ...")
    print(table([Path(argument) for argument in sys.argv[1:]]))

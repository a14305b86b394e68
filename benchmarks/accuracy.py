"""One Markdown table from ``isospike evaluate --json`` files.

    isospike evaluate NET.snn --data ... --json > benchmarks/results/NAME.json
    python benchmarks/accuracy.py benchmarks/results/NAME.json ...

Rows are the files, columns the ANN, every T that any of the files holds, and the number of images. Behind the accuracy
of a T stands the share of images for which the network gives the ANN's class.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from table import markdown


def row(path: Path, result: dict[str, Any], steps: list[int]) -> list[str]:
    """Method and file, percentages of the ANN and at every T (``-`` where it was not asked for), images."""
    curve = {int(at): f"{percent(m['score'])} / {percent(m['agreement'])}" for at, m in result["snn"].items()}
    accuracies = [curve.get(at, "-") for at in steps]
    return [f"{result['method']} ({path.stem})", percent(result["ann"]["score"]), *accuracies, str(result["images"])]


def percent(share: float) -> str:
    """``0.9173`` as ``91.73``."""
    return f"{100 * share:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="outputs of isospike evaluate --json")
    results = {path: json.loads(path.read_text()) for path in parser.parse_args().files}
    steps = sorted({int(at) for result in results.values() for at in result["snn"]})
    columns = ["top-1 % / same class %", "ANN", *(f"T={at}" for at in steps), "images"]
    print(markdown(columns, [row(path, result, steps) for path, result in results.items()]))


if __name__ == "__main__":
    main()

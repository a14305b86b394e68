"""The support matrix: what of the models of three libraries converts, with random weights.

``python benchmarks/support.py`` writes ``benchmarks/results/support.json`` after every model, and the table
``benchmarks/results/support.md`` at the end. Models that are in the file already are left out, so that a run that was
stopped goes on; ``--again`` starts anew, names pick models by their beginnings.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from isospike.errors import IsospikeError
from isospike.graphs import Graph, Role, capture
from isospike.graphs.refusals import listed
from support_models import Candidate, candidates

RESULTS = Path(__file__).parent / "results" / "support.json"


def row_of(candidate: Candidate) -> dict[str, Any]:
    """What became of one model: whether it was captured, in how many seconds of one core, and what its graph holds."""
    started = time.perf_counter()
    try:
        model, example = candidate.build()
    except Exception as error:  # another library's code: what it says is the row
        return {"name": candidate.name, "built": False, "error": f"{type(error).__name__}: {error}".split("\n")[0]}
    row: dict[str, Any] = {"name": candidate.name, "built": True, "captured": False}
    built, computed = time.perf_counter(), time.process_time()
    try:
        row |= _captured(capture(model, example))
    except IsospikeError as error:
        row["error"] = str(error)
    row["seconds"] = round(time.process_time() - computed, 1)
    row["wall_seconds"] = round(time.perf_counter() - built, 1)
    row["build_seconds"] = round(built - started, 1)
    return row


def _captured(graph: Graph) -> dict[str, Any]:
    return {
        "captured": not graph.unsupported,
        "ops": len(graph.ops),
        "sites": len(graph.sites),
        "islands": dict(Counter(op.kind for op in graph.ops if op.role is Role.ANALOGUE).most_common()),
        **({"error": f"unsupported: {listed(graph.unsupported)}"} if graph.unsupported else {}),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown, with the sums first."""
    captured = sum(row.get("captured", False) for row in rows)
    lines = [
        f"{captured} of {len(rows)} models are captured.",
        "",
        "| model | captured | s | sites | islands | why not |",
    ]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        islands = ", ".join(f"{count} {kind}" for kind, count in row.get("islands", {}).items())
        cells = (
            row["name"], "yes" if row.get("captured") else "no", row.get("seconds", ""), row.get("sites", ""), islands,
            row.get("error", "").replace("|", "/")[:300],
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Go over all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of names such as timm:vit; all by default")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    known = json.loads(given.out.read_text()) if given.out.exists() and not given.again else []
    rows = {row["name"]: row for row in known}
    for candidate in candidates():
        wanted = not given.names or candidate.name.startswith(tuple(given.names))
        if not wanted or candidate.name in rows:
            continue
        rows[candidate.name] = row_of(candidate)
        print(json.dumps(rows[candidate.name])[:300], flush=True)
        given.out.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    given.out.with_suffix(".md").write_text(table(list(rows.values())))


if __name__ == "__main__":
    main()

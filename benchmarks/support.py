"""The support matrix: what of the models of three libraries converts, and how well, with random weights warmed up.

    python benchmarks/support.py            # measures what is not in benchmarks/results/support.json yet
    python benchmarks/support.py timm:vit   # these models anew, by the beginnings of their names
    python benchmarks/support.py --page     # writes docs/support.md from what is there

File and page are written after every model, so that a run that was stopped goes on. Cheap models of different families
come first.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from support_candidate import Candidate
from support_models import candidates
from support_page import page
from support_row import Row, row_of

RESULTS = Path(__file__).parent / "results" / "support.json"
PAGE = Path(__file__).parents[1] / "docs" / "support.md"
UNKNOWN = 10.0
"""Seconds of a capture that no earlier run has measured."""


def in_order(given: Iterable[Candidate], rows: dict[str, Row]) -> list[Candidate]:
    """The cheapest of every family first, then the second of every family, and so on."""
    costs = {one.name: rows.get(one.name, {}).get("seconds", {}).get("capture", UNKNOWN) for one in given}
    turns, ranked = Counter[str](), []
    for one in sorted(given, key=lambda one: costs[one.name]):
        turns[one.family] += 1
        ranked.append((turns[one.family], costs[one.name], one))
    return [one for *_, one in sorted(ranked, key=lambda entry: entry[:2])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of names such as timm:vit, to be measured anew")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help="write the page alone")
    given = parser.parse_args()
    rows = {row["name"]: row for row in json.loads(given.out.read_text())} if given.out.exists() else {}
    for candidate in () if given.page else in_order(list(candidates()), rows):
        if given.names and not candidate.name.startswith(tuple(given.names)):
            continue
        if not given.names and is_done(rows.get(candidate.name)):
            continue
        rows[candidate.name] = row_of(candidate)
        print(json.dumps(rows[candidate.name])[:600], flush=True)
        write(rows, given.out)
        gc.collect()
    write(rows, given.out)


def write(rows: dict[str, Row], out: Path) -> None:
    """The rows, and the page of those that are published."""
    out.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    if out == RESULTS:
        PAGE.write_text(page(list(rows.values())))


def is_done(row: Row | None) -> bool:
    """Whether a row says all; one of an earlier run may say only that the model was captured."""
    return row is not None and "exports" in row


if __name__ == "__main__":
    main()

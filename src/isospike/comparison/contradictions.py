"""What cannot be true of a comparison, though each of its parts is of the right kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isospike.results.forms import in_words


def contradictions(compared: Mapping[str, Any]) -> Iterator[str]:
    """All of them, in words.

    Args:
        compared: the object of ``isospike compare --json``.
    """
    metric, labelled = compared["metric"], compared["ann"]["score"] is not None
    if metric != ("score" if labelled else "agreement"):
        yield f"metric is '{metric}' where ann.score is {'known' if labelled else 'null'}"
    yield from _impossible(compared["ann"], compared["measures"], "ann.")
    cells = {(cell["label"], cell["steps"]) for cell in compared["cells"]}
    yield from (f"front names {one!r:.60}, which is no cell" for one in compared["front"] if tuple(one) not in cells)
    for index, cell in enumerate(compared["cells"]):
        yield from _impossible(cell, compared["measures"], f"cells[{index}].")
        if (cell["score"] is not None) != labelled:
            yield f"cells[{index}].score is {'null' if labelled else 'known'} where that of the ANN is not"


def _impossible(figures: Mapping[str, Any], measures: Mapping[str, Any], where: str) -> Iterator[str]:
    """Figures outside the range that their measure has."""
    for name, measure in measures.items():
        value, least, most = figures.get(name), measure["least"], measure["most"]
        if value is not None and ((least is not None and value < least) or (most is not None and value > most)):
            ends = [f"at least {least:g}"] * (least is not None) + [f"at most {most:g}"] * (most is not None)
            yield f"{where}{name} is {in_words(value)}, not {' and '.join(ends)}"

"""What the results of calls look like, with the columns of their tables: each made once on a few digits."""

from __future__ import annotations

import inspect

from builder.examples import examples
from builder.found import documented, results
from builder.markdown import block, code, page, prose, table
from isospike.tables import Tabular


def pages() -> dict[str, str]:
    """One page."""
    intro = (
        "Every result prints as a short table (`print(result)`), shows the whole one in a notebook, and gives it as a "
        "`pandas.DataFrame` with all digits (`result.to_pandas()`). The columns below are those of the frame; what a "
        "person reads stands beside them. [JSON of the command line](../json.md) has what `--json` prints. "
        "The examples are made of the embedded digits network on a few images whenever this page is built."
    )
    made = examples()
    return {"results.md": page("Results", intro, *(_section(kind, made.get(kind)) for kind in results()))}


def _section(kind: type[Tabular], example: tuple[str, Tabular] | None) -> str:
    parts = [f"## {kind.__name__}", _about(kind)]
    if example is not None:
        call, result = example
        columns = [(code(one.key), one.title, one.unit) for one in result.table().columns]
        parts += [block(call, "python"), block(str(result), "text"), table(("column", "shown as", "unit"), columns)]
    return "\n\n".join(parts)


def _about(kind: type[Tabular]) -> str:
    name = documented().get(id(kind))
    about = prose((inspect.getdoc(kind) or "").split("\n\n")[0])
    return f"{about}\n\n{block(f':py:class:`{name}` has its fields.', '{eval-rst}')}" if name else about

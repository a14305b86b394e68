"""What the results of calls look like: their tables, each made once on a few digits, and their JSON objects."""

from __future__ import annotations

import inspect

from builder.examples import examples
from builder.found import documented, results
from builder.json_forms import keys_of
from builder.markdown import block, code, page, prose, table
from isospike.tables import Tabular


def pages() -> dict[str, str]:
    """One page."""
    intro = (
        "Every result of a call prints as a short table (`print(result)`), shows the whole one in a notebook, and "
        "gives it as a `pandas.DataFrame` with all digits (`result.to_pandas()`); the columns below are those of the "
        "frame. `result.to_dict()` gives its JSON object, which the commands print with `--json` ([JSON of the "
        "command line](../json.md) says what they add), and by the same description an object is checked that comes "
        "from a file. A figure that is not known is null; other keys may stand beside these. The examples are made "
        "of the embedded digits network on a few images whenever this page is built."
    )
    made = examples()
    return {"results.md": page("Results", intro, *(_section(kind, made.get(kind)) for kind in results()))}


def _section(kind: type, example: tuple[str, Tabular] | None) -> str:
    parts = [f"## {kind.__name__}", _about(kind)]
    if example is not None:
        call, result = example
        columns = [(code(one.key), one.title, one.unit) for one in result.table().columns]
        parts += [block(call, "python"), block(str(result), "text"), table(("column", "shown as", "unit"), columns)]
    return "\n\n".join(filter(None, [*parts, keys_of(kind)]))


def _about(kind: type) -> str:
    name = documented().get(id(kind))
    about = prose((inspect.getdoc(kind) or "").split("\n\n")[0])
    return f"{about}\n\n{block(f':py:class:`{name}` has its fields.', '{eval-rst}')}" if name else about

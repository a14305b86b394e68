"""BibTeX of exactly what a network was made with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from isospike.activations import Activation
from isospike.errors import OptionError, UnknownNameError
from isospike.executors import ExitRule
from isospike.messages import with_article
from isospike.methods.method import Method
from isospike.network import SNN


def cite(made: SNN | Method | Activation | ExitRule) -> str:
    """The BibTeX entries of a method, of the one that made a network, of an activation or an exit rule.

    Raises:
        OptionError: no spiking network, method, activation or exit rule.
        UnknownNameError: a network from a file names a paper that this version does not know.
    """
    if not isinstance(made, SNN | Method | Activation | ExitRule):
        raise OptionError(
            f"cite was given {with_article(made)}; give a network of isospike.convert, or a method such as "
            "isospike.methods.Maximum()"
        )
    known = _entries()
    for key in _papers(made):
        if key not in known:
            raise UnknownNameError("paper", key, known)
    return "\n\n".join(known[key] for key in _papers(made))


def entries(papers: Iterable[str]) -> dict[str, str]:
    """The BibTeX entries of those keys that have one, as they were given."""
    known = _entries()
    return {key: known[key] for key in papers if key in known}


def _papers(made: SNN | Method | Activation | ExitRule) -> tuple[str, ...]:
    if isinstance(made, SNN):
        return made.provenance.papers
    return made.used_papers() if isinstance(made, Method) else made.papers


@cache
def _entries() -> dict[str, str]:
    text = resources.files("isospike").joinpath("references.bib").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=@)", text.strip())
    return {re.sub(r"^@\w+\{([^,]+),.*", r"\1", entry, flags=re.DOTALL): entry.strip() for entry in entries}

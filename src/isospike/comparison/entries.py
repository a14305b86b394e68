"""Which methods are compared, and what has to be converted for which numbers of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

from isospike.comparison.cell import Failure
from isospike.errors import OptionError
from isospike.graphs.graph import Graph
from isospike.messages import with_article
from isospike.methods.method import Method, methods
from isospike.neurons import LearnedActivation
from isospike.ops import Role
from isospike.options import Count, Some, check_arguments

Chosen = str | Iterable[str | Method] | Mapping[str, str | Method]
"""``all``, names and instances, or a mapping from a label to either."""
Options = Mapping[str, Mapping[str, Any]]
"""Options of methods that are given by name: method to option to value."""


@dataclass(frozen=True)
class Job:
    """One conversion, and where its network is measured."""

    label: str
    """The row."""
    method: Method
    """The configuration."""
    steps: tuple[int, ...]
    """Numbers of steps, rising; none: the network has its own."""


def chosen_methods(chosen: Chosen, options: Options | None, graph: Graph) -> dict[str, Method]:
    """Methods by label.

    ``all`` are those that need no training, and the others too where an activation of the network was trained.

    Raises:
        UnknownNameError: no method has this name.
        OptionError: no method, two of one label, options of none, or values out of their range.
    """
    left = dict(options or {})
    if not isinstance(chosen, str | Mapping) and isinstance(chosen, Iterable):
        chosen = list(chosen)
        if "all" in chosen:
            raise OptionError("'all' stands for every method and cannot be listed with others; give it alone")
    pairs = _pairs(chosen, graph)
    labels = [label for label, _ in pairs]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise OptionError(f"two methods are called {', '.join(twice)}; give a mapping from labels to methods")
    found = {label: _made(method, left) for label, method in pairs}
    if left:
        raise OptionError(f"options for {', '.join(left)}, which no row has by its name; rows: {', '.join(labels)}")
    if not found:
        raise OptionError("no method to compare; name one, or 'all'")
    return found


def _pairs(chosen: Chosen, graph: Graph) -> list[tuple[str, str | Method]]:
    if isinstance(chosen, str):
        return [(name, name) for name in (all_names(graph) if chosen == "all" else [chosen])]
    if isinstance(chosen, Mapping):
        return list(chosen.items())
    if isinstance(chosen, Method) or not isinstance(chosen, Iterable):
        raise OptionError(
            f"methods are {with_article(chosen)}; give 'all', a list, or a mapping from labels to methods"
        )
    return [(method.name() if isinstance(method, Method) else str(method), method) for method in chosen]


def all_names(graph: Graph) -> list[str]:
    """Names of the methods that can be expected to convert a network."""
    sites = [graph.module_of(node) for node in graph.nodes_with(Role.ACTIVATION)]
    trained = any(isinstance(site, LearnedActivation) for site in sites)
    return [name for name, kind in methods.items() if trained or not kind.needs_training]


def _made(method: str | Method, options: dict[str, Mapping[str, Any]]) -> Method:
    if isinstance(method, Method):
        return method
    if not isinstance(method, str):
        raise OptionError(f"a method is {with_article(method)}; give a name, or an instance such as methods.Maximum()")
    kind, given = methods[method], options.pop(method, {})
    if "steps" in given and "steps" in {field.name for field in fields(kind)}:
        raise OptionError(
            f"{method}: steps are no option here, it is calibrated for those that are compared; give these"
        )
    try:
        return kind(**given)
    except TypeError as error:  # a name that is no field
        raise OptionError(f"{method} has no such option; see isospike methods {method}: {error}") from error


def jobs_of(rows: Mapping[str, Method], steps: Sequence[int]) -> tuple[list[Job], list[Failure]]:
    """The conversions that all rows need, and the rows that answer at none of the numbers of steps."""
    jobs, failed = [], []
    for label, method in rows.items():
        found = [Job(label, configuration, at) for configuration, at in method.for_steps(steps)]
        jobs += found
        if not found:
            at = steps[0] if len(steps) == 1 else None
            failed.append(Failure(label, at, f"{method.steps_needed()}, not {_listed(steps)}"))
    return jobs, failed


def _listed(steps: Sequence[int]) -> str:
    return " or ".join(f"T={at}" for at in steps)


def check_steps(steps: Iterable[int]) -> tuple[int, ...]:
    """The numbers of steps, rising, each once.

    Raises:
        OptionError: none, or one that is no whole number of at least 1.
    """
    found = list(steps) if isinstance(steps, Iterable) else [steps]
    check_arguments(Annotated[tuple[Count, ...], Some()], steps=found)
    return tuple(sorted({int(at) for at in found}))

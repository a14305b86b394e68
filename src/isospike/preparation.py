"""What every conversion starts from: the model captured, folded and checked, with a place for every neuron."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import check_inputs
from isospike.convertible import Analogue, check_convertible, check_roles, check_weights
from isospike.errors import CaptureError
from isospike.graphs import Graph, capture, fold_batch_norm
from isospike.graphs.ending import check_task
from isospike.inputs import Inputs
from isospike.memory_format import weights_channels_last
from isospike.methods.code_tables import check_tables
from isospike.methods.method import Method
from isospike.methods.thresholds import Request, requests
from isospike.options import check_arguments
from isospike.sites import CodeTables, Placement, Sites, Tables, choose_sites, place_tables
from isospike.tasks import Task, TaskChoice, choose_task

SEQUENCE_AXES = 5
"""Of a batch of sequences of images: time, samples, channels, height and width."""


@dataclass(frozen=True)
class Preparation:
    """What is wanted of a network before any method sees it; see `isospike.convert`."""

    analogue: Analogue = "refuse"
    """Whether ops that no neuron can stand for are computed on decoded values."""
    sites: Sites = "auto"
    """Where neurons stand."""
    task: TaskChoice = None
    """What the answers are for."""
    tables: Tables = ()
    """Functions that become tables from code to code, an approximation."""

    def arguments(self) -> dict[str, Any]:
        """As arguments of `isospike.convert`."""
        return dict(vars(self))


@dataclass(frozen=True)
class Prepared:
    """A network that any method can convert."""

    folded: Graph
    """The captured network, before any site is placed."""
    placement: Placement
    """The folded graph with its sites, none of whose functions is approximate."""
    tabled: CodeTables
    """The same with sites in front of functions that become tables."""
    task: Task
    """What the answers are for."""
    wanted: Preparation
    """What was asked for."""

    @property
    def graph(self) -> Graph:
        """The folded graph with all its sites."""
        return self.tabled.graph

    @property
    def ann(self) -> Graph:
        """What networks are measured by: nothing in it is approximate."""
        return self.placement.graph

    def with_sites(self, sites: Sites) -> Prepared:
        """The same network with its neurons elsewhere; nothing is captured or folded again.

        Raises:
            ConversionError: ops that neurons drove there would be islands here, which are not allowed.
        """
        return _placed(self.folded, replace(self.wanted, sites=sites), self.task)

    def requests(self, method: Method) -> list[Request]:
        """What a method wants of the graph, see `isospike.methods.thresholds.requests`.

        Raises:
            ConversionError: the method cannot serve the sites, islands or tables.
            CalibrationError, OptionError: as there.
        """
        check_tables(self.tabled, method)
        wanted = requests(self.graph, method)
        self._check_islands(wanted)
        return wanted

    def _check_islands(self, wanted: Iterable[Request]) -> None:
        """Refuse a method whose neurons cannot stand for functions that others can, where islands are not allowed.

        Raises:
            ConversionError: as `check_roles`.
        """
        for request in wanted:
            check_roles(request.watch.graph, self.wanted.analogue, tail=self.task.tail)


def prepare(model: nn.Module | Graph, batches: Batches, wanted: Preparation) -> Prepared:
    """Capture, fold, place sites and check, everything that stands against a conversion at once.

    Args:
        model: any exportable network in eval mode, or a captured graph.
        batches: calibration data.
        wanted: what is asked for.

    Raises:
        CaptureError, ConversionError, CalibrationError, OptionError, TaskError: as `isospike.convert`.
    """
    graph = model if isinstance(model, Graph) else _captured(model, batches.first)
    task = choose_task(wanted.task, graph.output_shapes, targets=batches.first_targets)
    check_task(task, graph)
    if graph.unsupported:
        check_convertible(graph, wanted.analogue, tail=task.tail)
    check_weights(graph)
    prepared = _placed(fold_batch_norm(graph), wanted, task)
    check_inputs(graph, batches.first)
    return prepared


def _placed(folded: Graph, wanted: Preparation, task: Task) -> Prepared:
    placement = choose_sites(folded, wanted.sites)
    tabled = place_tables(placement.graph, wanted.tables)
    check_arguments(Analogue, analogue=wanted.analogue)
    check_roles(tabled.graph, wanted.analogue, tail=task.tail)
    weights_channels_last(tabled.graph)
    return Prepared(folded, placement, tabled, task, wanted)


def _captured(model: nn.Module, example: Inputs) -> Graph:
    """The captured model; where an example may hold sequences, the refusal says what to do with them."""
    try:
        return capture(model, example)
    except CaptureError as error:
        if example.dim() < SEQUENCE_AXES:
            raise
        raise CaptureError(
            f"{error}; of sequences of events say layout='time-first' or layout='batch-first'"
        ) from error

"""What every conversion starts from: the model captured, folded and checked, with a place for every neuron."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import check_inputs
from isospike.convertible import Analogue, check_convertible, check_roles
from isospike.errors import CaptureError
from isospike.graphs import Graph, capture, fold_batch_norm
from isospike.graphs.ending import check_task
from isospike.inputs import Inputs
from isospike.memory_format import weights_channels_last
from isospike.methods.thresholds import Request
from isospike.sites import Placement, Sites, choose_sites
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

    def arguments(self) -> dict[str, Any]:
        """As arguments of `isospike.convert`."""
        return dict(vars(self))


@dataclass(frozen=True)
class Prepared:
    """A network that any method can convert."""

    placement: Placement
    """The folded graph with all its sites."""
    task: Task
    """What the answers are for."""
    analogue: Analogue
    """Whether islands are allowed."""

    @property
    def graph(self) -> Graph:
        """The folded graph with all its sites."""
        return self.placement.graph

    def check_islands(self, wanted: Iterable[Request]) -> None:
        """Refuse a method whose neurons cannot stand for functions that others can, where islands are not allowed.

        Raises:
            ConversionError: as `check_roles`.
        """
        for request in wanted:
            check_roles(request.watch.graph, self.analogue, tail=self.task.tail)


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
    placement = choose_sites(fold_batch_norm(graph), wanted.sites)
    check_convertible(placement.graph, wanted.analogue, tail=task.tail)
    check_inputs(graph, batches.first)
    weights_channels_last(placement.graph)
    return Prepared(placement, task, wanted.analogue)


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

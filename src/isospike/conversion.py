"""A trained network in, a spiking network out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from torch import nn

from isospike.calibrate.batches import Batch, Batches
from isospike.calibrate.collect import audible, silent_channels
from isospike.convertible import Analogue
from isospike.data.reading import Layout
from isospike.errors import ConversionError, OptionError
from isospike.files import check_writable
from isospike.graphs import Graph
from isospike.graphs.changed import changed_tensors
from isospike.graphs.export import names_taken
from isospike.messages import with_article
from isospike.methods.code_tables import table_entries
from isospike.methods.method import Method
from isospike.methods.parts import Parts
from isospike.methods.signed_sites import sites_for
from isospike.methods.thresholds import Thresholds, find_thresholds
from isospike.network import SNN, Profile, Provenance, network_of
from isospike.options import Count, check_arguments
from isospike.part import PartInputs, check_part, with_part
from isospike.precision import own_precision
from isospike.preparation import Preparation, Prepared, prepare
from isospike.progress import Progress, going_on, reporting
from isospike.refine.refinement import DEFAULT_MEMORY_BUDGET, Calibration
from isospike.sites import Sites, Tables
from isospike.tasks import TaskChoice


@overload
def convert(
    model: nn.Module | Graph,
    method: Method,
    *,
    data: Iterable[Batch],
    part: None = ...,
    analogue: Analogue = ...,
    sites: Sites = ...,
    tables: Tables = ...,
    memory_budget: int = ...,
    progress: Progress = ...,
    checkpoint: str | Path | None = ...,
    task: TaskChoice = ...,
    layout: Layout | None = ...,
) -> SNN: ...


@overload
def convert(
    model: nn.Module | Graph,
    method: Method,
    *,
    data: Iterable[Batch],
    part: str,
    analogue: Analogue = ...,
    sites: Sites = ...,
    tables: Tables = ...,
    memory_budget: int = ...,
    progress: Progress = ...,
    checkpoint: str | Path | None = ...,
    task: TaskChoice = ...,
    layout: Layout | None = ...,
) -> nn.Module: ...


@own_precision()
def convert(
    model: nn.Module | Graph,
    method: Method,
    *,
    data: Iterable[Batch],
    part: str | None = None,
    analogue: Analogue = "refuse",
    sites: Sites = "auto",
    tables: Tables = (),
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
    checkpoint: str | Path | None = None,
    task: TaskChoice = None,
    layout: Layout | None = None,
) -> SNN | nn.Module:
    """Convert a trained network into a spiking one: capture, fold, calibrate, place neurons.

    Args:
        model: any exportable network in eval mode, or a captured graph (captured once, converted often). It is not
            changed.
        method: the conversion method; the instance is its configuration.
        data: calibration batches: tensors ``[B, ...]``, ``(inputs, targets)`` pairs or mappings; or one batch. Of
            sequences of events ``[T, B, ...]`` the mean over time calibrates, which is what the network's ANN sees.
        part: name of a submodule, such as ``backbone``: it alone becomes spiking, calibrated on what reaches it as the
            model runs on the data, and the answer is a copy of the model with the network in its place.
        analogue: ``allow`` computes ops that are not affine (sigmoid gates, LayerNorm, ...) on decoded values as
            analogue islands; ``refuse`` lists them all in one error.
        sites: where neurons stand: ``rectifiers`` in the place of those alone; ``products`` also on every edge that
            carries an analogue value into an op with weights or into a product of two values, so that spikes drive all
            of them; ``auto`` chooses the second where the first would leave more than a tenth of the
            multiply-accumulates behind the first layer to analogue values (see `isospike.sites.choose_sites`), unless
            the method cannot serve values of both signs.
        tables: smooth functions (``gelu``, ``silu``, ``mish``, ``hardswish``) that become tables from code to code, of
            methods that emit codes: where a site stands behind one, another is put in front of it, which cuts currents
            off far below zero (`isospike.sites.code_tables.CUTS`). An approximation, which the network's provenance
            keeps; it needs bounds for every channel, or more than 8 bits.
        memory_budget: bytes for trains and cached activations of refinements; larger caches go to a temporary file. A
            batch whose trains are larger is corrected in parts, each on what the one before left: with other budgets
            the corrections differ a little.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        checkpoint: file in which long refinements keep what is done; the same call goes on from there.
        task: what the answers are for, which the network keeps: a name or a task of `isospike.tasks`. By default one
            output ``[B, classes]`` of two or more is classification, everything else is regression, and so are targets
            that are real numbers of the output's shape.
        layout: says that the data are sequences: ``time-first`` for ``[T, B, ...]``, ``batch-first`` for
            ``[B, T, ...]``. A captured graph knows it by the rank of its input; its sequences are time first.

    Raises:
        CaptureError: the model cannot be exported or verified, or does not call its part once, with tensors.
        ConversionError: there is no such part, or the method streams; the network holds unsupported or refused ops, or
            weights with NaN or infinity; all are listed.
        DataError: the data's own code raised, or a batch holds no tensor.
        TaskError: the task does not fit the outputs.
        CalibrationError: the data are empty, do not fit, or a site received NaN or infinity.
        OptionError, OutputError: ``memory_budget`` is no number of bytes, ``checkpoint`` cannot be written, or the
            method has nothing to keep there.
    """
    check_arguments(Count, memory_budget=memory_budget)
    keep = _checked(method, checkpoint)
    if part is not None:
        how: dict[str, Any] = {"analogue": analogue, "sites": sites, "tables": tables, "task": task}
        check_part(model, method)
        inputs = PartInputs(model, part, data, layout=layout)
        how |= {"memory_budget": memory_budget, "progress": progress, "checkpoint": checkpoint}
        return with_part(model, part, convert(inputs.part, method, data=inputs, **how))
    with reporting(progress) as report, going_on(_how(keep)):
        shape, names = (model.input_shape if isinstance(model, Graph) else None), names_taken(model)
        batches = Batches(data, report, shape=shape, layout=layout, names=names)
        network = prepare(model, batches, Preparation(analogue, sites_for(method, sites), task, tables))
        wanted = network.requests(method)
        thresholds = find_thresholds(network.graph, wanted, batches)
        calibration = Calibration(batches, None, memory_budget, report, keep)
        return spiking_network(network, method, thresholds, calibration=calibration)


def spiking_network(network: Prepared, method: Method, thresholds: Thresholds, *, calibration: Calibration) -> SNN:
    """Neurons in the place of the activations of a prepared network, refined for every number of steps of the method.

    Args:
        network: what `prepare` gives.
        method: the configuration.
        thresholds: of the graph, for all parts of the method.
        calibration: data and means of refinements.

    Raises:
        CalibrationError: the data do not fit, or NaN or infinity reached a site.
    """
    made = {
        steps: _with_neurons(method.parts_for(steps), thresholds, replace(calibration, steps=steps))
        for steps in method.horizons
    }
    last = method.horizons[-1]
    parts, (placed, refined) = method.parts_for(last), made[last]
    silent = silent_channels(thresholds.of(parts))
    placement = network.placement
    made_by = method.name(), method.options(), method.used_papers()
    tables = {kind: table_entries(refined, sites) for kind, sites in network.tabled.sites.items()}
    provenance = Provenance(*made_by, silent, placement.sites, placement.driven, tables)
    profile = Profile(provenance, readout=parts.schedule.read_out(placed, calibration.batches), task=network.task)
    if last is None:
        return network_of(refined, profile)
    sets = {steps: changed_tensors(placed, refined) for steps, (_, refined) in made.items() if steps is not None}
    return network_of(placed, profile, sets=sets)


def _with_neurons(parts: Parts, thresholds: Thresholds, calibration: Calibration) -> tuple[Graph, Graph]:
    """The graph with neurons, and the same refined."""
    ann = thresholds.prepared(parts)
    placed = refined = parts.neurons.place(ann, audible(thresholds.of(parts)))
    for refinement in parts.refinements:
        refined = refinement.refine(ann, refined, calibration)
    return placed, refined


def _checked(method: Method, checkpoint: str | Path | None) -> Path | None:
    """The file of a checkpoint; refuses what is no method, and a checkpoint that would stay empty."""
    if not isinstance(method, Method):
        named = f"the class {method.__name__}" if isinstance(method, type) else with_article(method)
        raise ConversionError(f"the method is {named}; give an instance such as isospike.methods.Maximum()")
    if checkpoint is None:
        return None
    if not any(one.resumes for steps in method.horizons for one in method.parts_for(steps).refinements):
        raise OptionError(f"{method.name()} has no long refinement to keep in a checkpoint; leave checkpoint out")
    check_writable(checkpoint)
    return Path(checkpoint)


def _how(keep: Path | None) -> str:
    """How an interrupted conversion goes on."""
    if keep is None:
        return "nothing was kept: the same call starts anew"
    return f"what a long calibration had done is kept in {keep}: the same call goes on from there"

"""A trained network in, a spiking network out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from torch import Tensor, fx, nn

from isospike.calibrate.batches import Batch, Batches
from isospike.calibrate.collect import check_inputs
from isospike.capture import Graph, Role, capture, fold_batch_norm
from isospike.capture.graph import attribute, op_of
from isospike.capture.refusals import listed, refusals
from isospike.errors import ConversionError, OptionError
from isospike.files import check_writable
from isospike.memory_format import weights_channels_last
from isospike.messages import counted, with_article
from isospike.methods.method import Method
from isospike.methods.thresholds import Thresholds
from isospike.network import SNN
from isospike.precision import own_precision
from isospike.progress import Progress, going_on, reporting
from isospike.refine.refinement import DEFAULT_MEMORY_BUDGET, Calibration, check_count
from isospike.scales.learned import check_bound

Analogue = Literal["refuse", "allow"]
"""What to do with ops that no neuron can stand for: refuse, or compute them on decoded values."""


@own_precision()
def convert(
    model: nn.Module | Graph,
    method: Method,
    *,
    data: Iterable[Batch],
    analogue: Analogue = "refuse",
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
    checkpoint: str | Path | None = None,
) -> SNN:
    """Convert a trained network into a spiking one: capture, fold, calibrate, place neurons.

    Args:
        model: any exportable network in eval mode, or a captured graph (captured once, converted often). It is not
            changed.
        method: the conversion method; the instance is its configuration.
        data: calibration batches: tensors, ``(inputs, labels)`` pairs or mappings; labels are ignored.
        analogue: ``allow`` computes ops that are not affine (sigmoid gates, LayerNorm, ...) on decoded values as
            analogue islands; ``refuse`` lists them all in one error.
        memory_budget: bytes for trains and cached activations of refinements; larger caches go to a temporary file. A
            batch whose trains are larger is corrected in parts, each on what the one before left: with other budgets
            the corrections differ a little.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        checkpoint: file in which long refinements keep what is done; the same call goes on from there.

    Raises:
        CaptureError: the model cannot be exported or verified.
        ConversionError: the network holds unsupported or refused ops, or weights with NaN or infinity; all are listed.
        CalibrationError: the data are empty, do not fit, or a site received NaN or infinity.
        OptionError, OutputError: ``memory_budget`` is no number of bytes, ``checkpoint`` cannot be written, or the
            method has nothing to keep there.
    """
    if not isinstance(method, Method):
        raise ConversionError(f"the method is {_named(method)}; give an instance such as isospike.methods.Maximum()")
    check_count("convert", "memory_budget", memory_budget)
    if checkpoint is not None:
        _check_resumes(method)
        check_writable(checkpoint)
    keep = None if checkpoint is None else Path(checkpoint)
    with reporting(progress) as report, going_on(_how(keep)):
        batches = Batches(data, report)
        graph = ready(model, batches, analogue)
        return method.convert(Calibration(batches, None, memory_budget, report, keep), Thresholds(graph, batches))


def _how(keep: Path | None) -> str:
    """How an interrupted conversion goes on."""
    if keep is None:
        return "nothing was kept: the same call starts anew"
    return f"what a long calibration had done is kept in {keep}: the same call goes on from there"


def ready(model: nn.Module | Graph, batches: Batches, analogue: Analogue) -> Graph:
    """The model captured, checked and folded: what every method starts from.

    Raises:
        CaptureError, ConversionError, CalibrationError, OptionError: as `convert`.
    """
    if analogue not in ("refuse", "allow"):
        raise OptionError(f"analogue must be 'refuse' or 'allow', got {analogue!r}")
    graph = model if isinstance(model, Graph) else capture(model, batches.first)
    check_roles(graph, analogue)
    check_weights(graph)
    check_inputs(graph, batches.first)
    folded = fold_batch_norm(graph)
    weights_channels_last(folded)
    return folded


def _check_resumes(method: Method) -> None:
    """Refuse a checkpoint that would stay empty."""
    if not any(one.resumes for steps in method.horizons for one in method.parts_for(steps).refinements):
        raise OptionError(f"{method.name()} has no long refinement to keep in a checkpoint; leave checkpoint out")


def check_roles(graph: Graph, analogue: Analogue) -> None:
    """Refuse what cannot be converted, everything at once.

    Raises:
        ConversionError: unsupported ops, or analogue ones that are not allowed; all are listed.
    """
    parts = refusals(graph, islands=analogue == "allow")
    if parts:
        raise ConversionError("cannot convert: " + "; and ".join(parts))


def check_weights(graph: Graph) -> None:
    """Refuse weights that are not finite, behind the last neuron too, where no current shows them.

    Constants that are no parameters may be infinite: attention masks are. Learned bounds must be positive besides.

    Raises:
        ConversionError: NaN or infinity in the weights of ops; all are listed.
        CalibrationError: a learned bound is not positive and finite.
    """
    for node in graph.nodes_with(Role.ACTIVATION):
        check_bound(op_of(node).name, graph.module_of(node))
    wrong = [op_of(node) for node in graph.op_nodes() if not _is_finite(graph, node)]
    if wrong:
        raise ConversionError(
            f"cannot convert: NaN or infinity in the weights of {counted(len(wrong), 'op')}: {listed(wrong)}; "
            "train or load the model again"
        )


def _is_finite(graph: Graph, node: fx.Node) -> bool:
    constants = [attribute(graph, str(source.target)) for source in node.all_input_nodes if source.op == "get_attr"]
    weights: list[Tensor] = [constant for constant in constants if isinstance(constant, nn.Parameter)]
    if node.op == "call_module" and op_of(node).role is not Role.ACTIVATION:
        module = graph.module_of(node)
        weights += [*module.parameters(), *module.buffers()]
    return all(bool(w.isfinite().all()) for w in weights) and not any(bool(c.isnan().any()) for c in constants)


def _named(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else with_article(value)

"""One row of the support matrix: a model warmed up, captured, converted at every product, and measured."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import isospike as iso
from isospike.errors import IsospikeError
from isospike.graphs import Graph, Role, capturing, fold_batch_norm
from isospike.graphs.refusals import listed
from isospike.inputs import Inputs, as_inputs, called, mapped
from isospike.methods.method import Method
from isospike.part import PartInputs
from isospike.sites import choose_sites, place_sites
from isospike.sites.shares import macs_by_name
from support_candidate import Candidate
from support_warm import like, warmed_up

Row = dict[str, Any]
Draw = Callable[[int, int], Inputs]
"""Batches of a number of samples from a seed."""
STEPS = (16, 64)
STREAMED = 2_000_000_000
"""Multiply-accumulates of one sample up to which the streaming method runs: 64 passes of more take minutes."""
TEST = 2
"""Samples that measure; the first alone streams."""
LIGHT = 1_000_000_000
"""Multiply-accumulates below which 16 samples calibrate, above it 8."""
BOUND = 0.06
"""Relative error at 8 bits above which a row also says what the error at `FINE` bits is, and what the ANN itself makes
of an input that is rounded to 8 bits."""
FINE = 12
COPIES = 6
"""Of the weights, that a row may hold at once: the model, the graph, folded, converted, and checked in float64."""


def bit_coded(bits: int) -> iso.methods.BitCoded:
    """The method of the errors. One unit a site: the few random samples hold too few values for one a channel."""
    return iso.methods.BitCoded(bits=bits, granularity="layer")


def streaming() -> iso.methods.Differential:
    """The streaming method: of those that serve signed sites and products the one whose error falls fastest.

    Random ResNet-10, ViT and ConvNeXt, errors in % at T = 16 / 64: differential in digits 1.1-1.9 / 0.3-0.5, nearest
    2.1-3.5 / 0.5-0.9, harmony 2.6-5.8 / 1.7-5.7 (it saturates), burst 12-139 / 3-44.
    """
    return iso.methods.Differential(spikes="digits", granularity="layer")


@dataclass
class Watch:
    """Seconds of processor time by what was done, and the exports."""

    seconds: dict[str, float] = field(default_factory=dict)
    exports: int = 0

    @contextlib.contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Add the processor time of a block."""
        started = time.process_time()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.process_time() - started

    @contextlib.contextmanager
    def exporting(self) -> Iterator[None]:
        """Count the exports in a block: ``torch.export`` and its decompositions, as capture calls them."""
        real = capturing.export_program  # type: ignore[attr-defined] # where capture looks it up

        def counted(*args: Any) -> Any:
            self.exports += 1
            with self("export"):
                return real(*args)

        with mock.patch.object(capturing, "export_program", counted):
            yield


def row_of(candidate: Candidate) -> Row:
    """What became of one model; what could not be measured stands in ``left_out`` with the reason."""
    row: Row = {"name": candidate.name, "built": False, "captured": False}
    try:
        model, example = candidate.build()
        row |= {"built": True, "parameters": sum(p.numel() for p in model.parameters())}
        missing = _missing_memory(row["parameters"])
        if missing:
            return row | {"left_out": {"everything": missing}}
        count = 2 if row["parameters"] < 5e7 else 1  # batches; large models take minutes
        warmed_up(model, [as_inputs(like(example, 8, seed)) for seed in range(count)])
    except Exception as error:  # another library's code: what it says is the row
        return row | {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
    watch = Watch()
    try:
        row |= _measured(candidate, model, example, watch)
    except IsospikeError as error:
        row["error"] = str(error)
    except Exception as error:  # an error that nobody foresaw is a fault, and the run goes on
        place = traceback.extract_tb(error.__traceback__)[-1]
        row["fault"] = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"[:300]
    row["exports"] = watch.exports
    row["seconds"] = {name: round(spent, 3) for name, spent in watch.seconds.items()}
    return row


def placement_of(graph: Graph) -> Row:
    """What needs no conversion: ops, sites and islands by placement, and the part that spikes drive."""
    folded = fold_batch_norm(graph)
    chosen = choose_sites(folded, "auto")
    placed = {"rectifiers": folded, "products": chosen.graph if chosen.sites == "products" else place_sites(folded)}
    return {
        "ops": len(graph.ops),
        "macs": sum(macs_by_name(folded).values()),
        "sites": {name: len(one.sites) for name, one in placed.items()},
        "islands": {name: _islands(one) for name, one in placed.items()},
        "driven": chosen.driven,
        "auto": chosen.sites,
    }


def _islands(graph: Graph) -> dict[str, int]:
    return dict(Counter(op.kind for op in graph.ops if op.role is Role.ANALOGUE).most_common())


def _missing_memory(parameters: int) -> str:
    """That a model is too large for what is free."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    needed = COPIES * 4 * parameters
    return f"needs about {needed / 1e9:.0f} GB, {free / 1e9:.0f} were free" if needed > free else ""


def _measured(candidate: Candidate, model: nn.Module, example: Any, watch: Watch) -> Row:
    def draw(count: int, seed: int) -> Inputs:
        batch = like(example, count, seed)
        found: Inputs = as_inputs(next(iter(PartInputs(model, candidate.part, [batch]))) if candidate.part else batch)
        return found

    module = model.get_submodule(candidate.part) if candidate.part else model
    if not candidate.part:
        with watch.exporting():
            return _converted(module, draw, watch)
    row = _converted(module, draw, watch)
    with watch.exporting():  # and once more as users convert it, in its place
        images = [like(example, 2, 10)]
        whole = iso.convert(model, bit_coded(8), part=candidate.part, data=images, sites="products", **_HOW)
    answers = called(whole, like(example, 1, 4))
    return row | {"part": candidate.part, "whole": f"answers {sorted(answers[0])}"}


_HOW: dict[str, Any] = {"analogue": "allow", "progress": False}


def _converted(module: nn.Module, draw: Draw, watch: Watch) -> Row:
    """Captured, converted, and measured on samples that did not calibrate."""
    with watch("capture"):
        graph = iso.capture(module, draw(TEST, 3))
    if graph.unsupported:
        return {"ops": len(graph.ops), "error": f"unsupported: {listed(graph.unsupported)}"}
    row: Row = {"captured": True, **placement_of(graph), "left_out": {}}
    test = draw(TEST, 4)
    with watch("ann"):
        reference = _answer(module, test)
    if not row["sites"]["products"]:
        return row | {"left_out": {"errors": "nothing behind the first layer, so nothing would spike"}}
    calibration = [draw(8, 10 + index) for index in range(2 if row["macs"] < LIGHT else 1)]
    with watch("calibration_pass"):
        for batch in calibration:
            _answer(graph, batch)

    def convert(method: Method, data: list[Inputs]) -> iso.SNN:
        snn: iso.SNN = iso.convert(graph, method, data=data, sites="products", **_HOW)
        return snn

    with watch("conversion"):
        snn = convert(bit_coded(8), calibration)
    row |= {"calibrated_on": sum(map(len, calibration)), "error8": _error(_answer(snn, test), reference)}
    row["passes"] = round(watch.seconds["conversion"] / watch.seconds["calibration_pass"], 1)
    if not row["error8"] < BOUND:
        row[f"error{FINE}"] = _error(_answer(convert(bit_coded(FINE), calibration), test), reference)
        row["rounded_input"] = _error(_answer(module, mapped(test, _rounded)), reference)
    if row["macs"] > STREAMED:
        reason = f"{row['macs'] / 1e9:.1f} G multiply-accumulates; streaming runs up to {STREAMED / 1e9:g} G"
        return row | {"left_out": {"streaming": reason}}
    with watch("streaming"):
        return row | _streamed(convert, calibration[:1], test[:1], _answer(module, test[:1]))


def _streamed(convert: Callable[..., iso.SNN], calibration: list[Inputs], test: Inputs, reference: Tensor) -> Row:
    """Errors of the streaming method on one sample, or why there are none."""
    record = iso.Record(outputs=False, spikes=False, at=STEPS)
    try:
        run = iso.simulate(convert(streaming(), calibration), test, steps=max(STEPS), record=record)
    except IsospikeError as error:
        return {"left_out": {"streaming": str(error)}}
    return {"streaming": {str(steps): _error(_flat(run.answers[steps]), reference) for steps in STEPS}}


def _rounded(tensor: Tensor) -> Tensor:
    """Real numbers rounded to 8 bits and a sign; tokens as they are."""
    unit = tensor.abs().max() / 255
    return (tensor / unit).round() * unit if tensor.is_floating_point() else tensor


@torch.no_grad()
def _answer(module: Any, batch: Inputs) -> Tensor:
    """All real numbers that a module answers."""
    return _flat(module(batch) if isinstance(module, Graph | iso.SNN) else called(module, batch))


def _flat(answer: Any) -> Tensor:
    leaves = [leaf for leaf in pytree.tree_leaves(answer) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    return torch.cat([leaf.detach().flatten() for leaf in leaves])


def _error(answer: Tensor, reference: Tensor) -> float:
    """``||snn - ann|| / ||ann||``, rounded to what two samples can tell."""
    error = ((answer - reference).double().norm() / reference.double().norm()).item()
    return float(f"{error:.3g}")

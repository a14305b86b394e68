"""The page of a comparison with a closer look at one of its networks: errors by site, spikes, costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from isospike.calibrate.batches import Batches
from isospike.cli.halves import first_images
from isospike.comparison import Cell, Comparison
from isospike.comparison.bench import models_with
from isospike.conversion import convert
from isospike.costs import EnergyModel, account, memory_of, reference_costs
from isospike.data.reading import Layout
from isospike.diagnosis import diagnose
from isospike.graphs.graph import Graph
from isospike.preparation import Preparation
from isospike.report import record_raster, write_figures, write_report
from isospike.report.headlines import NEAR
from isospike.report.verdict import verdict

LOOKED_AT = 100
"""Test images of the closer look."""


AS_IT_IS = Preparation()
"""Islands refused, sites and task chosen by what the network is."""


def lines(found: Comparison) -> tuple[str, str]:
    """The verdict on a comparison, two lines."""
    return verdict(found.to_dict())


def write_page(
    found: Comparison,
    out: Path,
    network: nn.Module | Graph,
    *,
    calibration: Iterable[Any],
    test: Iterable[Any],
    about: dict[str, str],
    figures: Path | None = None,
    energy_model: str | EnergyModel = "45nm-fp32",
    wanted: Preparation = AS_IT_IS,
    layout: Layout | None = None,
) -> None:
    """Write a comparison, and the cheapest of its networks near the ANN, or else the best, in detail.

    The network is converted again, diagnosed and accounted on the first test images; the spikes are those of the first.
    """
    _, models = models_with(energy_model)
    cell = found.best(max_drop=NEAR) or max(
        found.cells, key=lambda cell: (found.measure.goodness(cell.value), -cell.steps)
    )
    shown = {
        "comparison": found.to_dict(),
        **_closer(cell, network, calibration, test, models=models, wanted=wanted, layout=layout),
    }
    named = {**about, "A closer look at": f"{cell.label} at T = {cell.steps}, {LOOKED_AT} test images at most"}
    write_report(out, **shown, about=named)
    if figures is not None:
        write_figures(figures, **shown)


def _closer(
    cell: Cell,
    network: nn.Module | Graph,
    calibration: Iterable[Any],
    test: Iterable[Any],
    *,
    models: Mapping[str, EnergyModel],
    wanted: Preparation,
    layout: Layout | None,
) -> dict[str, Any]:
    """Diagnosis, costs and spikes of one network."""
    snn = convert(network, cell.configuration(), data=calibration, layout=layout, **wanted.arguments())
    batches = first_images(test, LOOKED_AT, layout=layout)
    first = Batches(batches, layout=layout, names=snn.graph.input_names).first[:1]
    steps = snn.settled_steps(None) or cell.steps
    costs, reference = account(snn, batches, steps=steps, layout=layout)[cell.steps], reference_costs(snn)
    return {
        "diagnosis": diagnose(network, snn, batches, steps=steps, layout=layout).to_dict(),
        "costs": {
            **costs.to_dict(),
            "energy_pj": {name: costs.energy(model).to_dict() for name, model in models.items()},
            "energy_models": [model.to_dict() for model in models.values()],
            "rivals_pj": {name: reference.rivals(model, costs.steps) for name, model in models.items()},
            "memory": memory_of(snn).to_dict(),
        },
        "raster": record_raster(snn, first, steps),
    }

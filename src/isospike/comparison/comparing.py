"""Any set of methods at any numbers of steps, on one network and the same images."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from isospike.calibrate.batches import Batch
from isospike.comparison.bench import Bench
from isospike.comparison.cell import Failure
from isospike.comparison.comparison import Comparison
from isospike.comparison.entries import Chosen, Options, check_steps, chosen_methods, jobs_of
from isospike.comparison.identity import Identity, data_digest, graph_digest
from isospike.comparison.reference_images import ReferenceImages
from isospike.comparison.results import Results
from isospike.comparison.store import Store
from isospike.convertible import Analogue
from isospike.costs import EnergyModel
from isospike.data.reading import Layout
from isospike.errors import ConversionError, OptionError
from isospike.graphs.graph import Graph
from isospike.messages import with_article
from isospike.precision import own_precision
from isospike.preparation import Preparation
from isospike.progress import Progress, going_on, reporting
from isospike.refine.refinement import DEFAULT_MEMORY_BUDGET
from isospike.sites import Sites, Tables
from isospike.tasks import TaskChoice

STEPS = (2, 4, 8, 16, 32)
ACCOUNT_IMAGES = 256
"""Operations vary less from image to image than answers do: their mean over this number is within a percent or two."""


@own_precision()
def compare(
    model: nn.Module | Graph,
    calibration: Iterable[Batch],
    test: Iterable[Any],
    *,
    methods: Chosen = "all",
    steps: Iterable[int] = STEPS,
    options: Options | None = None,
    energy_model: str | EnergyModel = "45nm-fp32",
    account_images: int = ACCOUNT_IMAGES,
    analogue: Analogue = "refuse",
    sites: Sites = "auto",
    tables: Tables = (),
    keep: str | Path | None = None,
    workers: int = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
    task: TaskChoice = None,
    layout: Layout | None = None,
    executor: str | None = None,
) -> Comparison:
    """Convert a network with every method and measure each at every number of steps.

    The network is captured once, and its ANN runs once on the test images. One pass over the calibration data gives
    the thresholds of all methods whose rules only watch. A streaming network gives all its numbers of steps from one
    run; a calibrated one is made for each; an accumulate-then-emit one has as many bits (or levels) as steps, where no
    other number was chosen for it. A cell is the same whatever else is compared.

    Args:
        model: any exportable network in eval mode, or a captured graph.
        calibration: calibration batches, see `isospike.convert`.
        test: batches ``(inputs, targets)`` that can be opened again and are then the same; without targets the
            agreement with the ANN is what counts.
        methods: ``all``, names, instances, or a mapping from labels to either.
        steps: numbers of steps T.
        options: options of methods given by name.
        energy_model: name of an energy model, a ``.toml`` file with one, or the model.
        account_images: number of first test images on which operations are counted.
        analogue: see `isospike.convert`.
        sites: see `isospike.convert`.
        tables: see `isospike.convert`; methods that stream then fail.
        keep: folder in which every finished cell is kept at once; the same call goes on from there.
        workers: how many methods are converted and measured at once, in threads; each has a part of the machine and
            ``memory_budget`` to itself.
        memory_budget: bytes for trains and cached activations.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        task: what the answers are for; by default what the outputs and the targets look like, see `isospike.tasks`.
        layout: see `isospike.convert`. Networks are run on the first steps of test sequences, up to the largest of
            ``steps``, and the ANN sees the mean of these.
        executor: of the networks that it runs, see `isospike.simulate`; the others take the default of their kind.

    Raises:
        DataError: more than one in a hundred images are among the calibration and the test images.
        IsospikeError: wrong input, or no method could be measured; what fails for one method alone is in ``failed``.
    """
    at = check_steps(steps)
    if keep is not None and not isinstance(keep, str | os.PathLike):
        raise OptionError(f"keep is {with_article(keep)}; give the path of a folder")
    bench = Bench(
        model,
        calibration,
        wanted=Preparation(analogue, sites, task, tables),
        memory_budget=memory_budget,
        energy_model=energy_model,
        account_images=account_images,
        steps=max(at),
        layout=layout,
        executor=executor,
    )
    rows = chosen_methods(methods, options, bench.graph)
    reference = bench.samples(test, task=task)
    jobs, unanswered = jobs_of(rows, at)
    results = Results(bench, reference, None if keep is None else _store(bench, reference, keep))
    with reporting(progress) as report, going_on(_how(keep)):
        results.measure(jobs, workers=workers, report=report)
    failed = tuple(sorted((*results.failed, *unanswered), key=lambda failure: [*rows].index(failure.label)))
    if not results.cells:
        raise ConversionError(f"no method could be measured; {failed[0].label}: {failed[0].error}")
    return _comparison(bench, reference, results, failed)


def _how(keep: str | Path | None) -> str:
    """How an interrupted comparison goes on."""
    if keep is None:
        return "nothing was kept: with keep=FOLDER (--keep FOLDER) the same call goes on where it stopped"
    return f"finished cells are kept in {keep}: the same call goes on from there"


def _store(bench: Bench, reference: ReferenceImages, folder: str | Path) -> Store:
    """The folder of results, for this network and these data."""
    identity = Identity(
        model=graph_digest(bench.graph),
        calibration=data_digest(bench.batches.digests()),
        test=reference.digest,
        version=importlib.metadata.version("isospike"),
    )
    return Store(folder, identity, {**bench.setting(), "task": reference.judge.task.to_dict()})


def _comparison(bench: Bench, reference: ReferenceImages, results: Results, failed: tuple[Failure, ...]) -> Comparison:
    first = results.first
    return Comparison(
        digest=graph_digest(bench.graph),
        sites=len(bench.graph.sites),
        tables=bench.network.tabled.sites or None,
        macs=first.macs,
        macs_with_padding=first.macs_with_padding,
        task=reference.judge.task.to_dict(),
        measures=reference.measures,
        chance=reference.chance,
        ann_score=reference.score,
        ann_interval=reference.interval,
        ann_energy_pj=first.ann_energy_pj,
        images=reference.images,
        account_images=min(bench.account_images, reference.images),
        calibration_images=bench.batches.images_seen,
        energy_model=bench.energy_model,
        cells=results.cells,
        failed=failed,
        shared=results.shared(),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Of the software that a result was made with."""
    packages = {name: importlib.metadata.version(name) for name in ("isospike", "torch")}
    return {**packages, "python": platform.python_version()}

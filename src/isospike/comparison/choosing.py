"""The cheapest network that holds, searched on images that report nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from isospike.calibrate.batches import Batch
from isospike.comparison.bench import Bench
from isospike.comparison.cell import Cell
from isospike.comparison.choice import Choice, Tried, nearest
from isospike.comparison.comparing import ACCOUNT_IMAGES
from isospike.comparison.disjoint import shared_images
from isospike.comparison.entries import Chosen, Job, Options, check_steps, chosen_methods, jobs_of
from isospike.comparison.limits import Limits
from isospike.comparison.race import Candidate, Race
from isospike.comparison.reference_images import ReferenceImages
from isospike.comparison.site_bits import Lowered, lower_bits
from isospike.convertible import Analogue
from isospike.costs import EnergyModel, reference_costs
from isospike.data.reading import Layout
from isospike.errors import ChoiceError, OptionError
from isospike.graphs.graph import Graph
from isospike.methods.bit_coded import BitCoded
from isospike.options import CountOrZero, check_arguments
from isospike.precision import own_precision
from isospike.preparation import Preparation
from isospike.progress import Progress, Report, reporting
from isospike.refine.refinement import DEFAULT_MEMORY_BUDGET
from isospike.sites import Sites, Tables
from isospike.tasks import TaskChoice

STEPS = (2, 3, 4, 5, 6, 8, 16, 32)
BIT_TRIALS = 48
"""About twice the sites of a small ResNet."""


@own_precision()
def auto(
    model: nn.Module | Graph,
    calibration: Iterable[Batch],
    selection: Iterable[Any],
    *,
    report: Iterable[Any] | None = None,
    max_drop: float = 1.0,
    max_steps: int | None = None,
    max_energy: float | None = None,
    methods: Chosen = "all",
    steps: Iterable[int] = STEPS,
    options: Options | None = None,
    bit_trials: int = BIT_TRIALS,
    energy_model: str | EnergyModel = "45nm-fp32",
    account_images: int = ACCOUNT_IMAGES,
    analogue: Analogue = "refuse",
    sites: Sites = "auto",
    tables: Tables = (),
    workers: int = 1,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
    task: TaskChoice = None,
    layout: Layout | None = None,
    executor: str | None = None,
) -> Choice:
    """The network of least energy (then of least T) that holds on the selection images.

    It holds if its score is at most ``max_drop`` worse than the ANN's, in the unit of the task's score (points of a
    share, of relative error, dB); without targets, if its agreement is so near to that of equal answers. Every method
    at every number of steps is measured on a sixteenth of the images; then, cheapest first, on a quarter and on all of
    them, unless it is three standard errors away from holding, until one holds. The cheapest bit-coded network that
    holds is then given fewer bits site by site, the least sensitive first.

    Args:
        model: see `compare`.
        calibration: training images.
        selection: images that choose, ``(inputs, targets)`` or inputs alone.
        report: images that choose nothing, on which the chosen network is measured once.
        max_drop: how much worse than the ANN, in the unit of the score: points of a share.
        max_steps: largest number of steps T.
        max_energy: largest energy, pJ per image.
        methods: see `compare`.
        steps: numbers of steps T to try.
        options: see `compare`.
        bit_trials: how many networks with bits of their own for each site are tried; 0: none.
        energy_model: see `compare`.
        account_images: see `compare`.
        analogue: see `compare`.
        sites: see `compare`.
        tables: see `compare`.
        workers: see `compare`.
        memory_budget: see `compare`.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        task: what the answers are for; by default what the outputs and the targets look like, see `isospike.tasks`.
        layout: see `compare`.
        executor: see `compare`.

    Raises:
        ChoiceError: nothing holds; the message names the nearest and what would help.
        DataError: two of the three sets share more than one image in a hundred.
        IsospikeError: wrong input.
    """
    limits, at = Limits(max_drop, max_steps, max_energy), _steps_to_try(steps, max_steps)
    check_arguments(CountOrZero, bit_trials=bit_trials)
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
    sets = _sets(bench, selection, report, task)
    jobs, unanswered = jobs_of(rows, at)
    race = Race(bench, sets["selection"], limits, unanswered)
    shared = shared_images(
        {"calibration": bench.batches.digests(), **{name: images.digests for name, images in sets.items()}}
    )
    with reporting(progress) as tell:
        candidates = race.look(jobs, workers=workers, report=tell)
        found, trials = _cheapest(race, candidates, bit_trials, tell)
    return _choice(race, found, sets, shared, trials)


def _choice(
    race: Race, found: Candidate, sets: Mapping[str, ReferenceImages], shared: dict[str, int], trials: int
) -> Choice:
    bench = race.bench
    return Choice(
        snn=found.snn.with_task(sets["selection"].judge.task),
        cell=found.cell,
        report=_reported(bench, found, sets.get("report")),
        limits=race.limits,
        task=sets["selection"].judge.task,
        measures=sets["selection"].measures,
        chance=sets["selection"].chance,
        ann={name: images.score for name, images in sets.items()},
        ann_interval={name: images.interval for name, images in sets.items()},
        ann_energy_pj=bench.ann_energy(reference_costs(found.snn)),
        images={"calibration": bench.batches.images_seen, **{name: images.images for name, images in sets.items()}},
        shared=shared,
        energy_model=bench.energy_model,
        tried=_tried(race),
        failed=tuple(race.failed),
        bit_trials=trials,
    )


def _steps_to_try(steps: Iterable[int], max_steps: int | None) -> tuple[int, ...]:
    at = tuple(t for t in check_steps(steps) if max_steps is None or t <= max_steps)
    if not at:
        raise OptionError(f"no number of steps to try is at most max_steps, {max_steps}; give others with steps")
    return at


def _sets(
    bench: Bench, selection: Iterable[Any], report: Iterable[Any] | None, task: TaskChoice
) -> dict[str, ReferenceImages]:
    """The images that select, and those that report if there are any."""
    sets = {"selection": bench.samples(selection, task=task, purpose="selection")}
    if report is not None:
        same = sets["selection"].judge.task
        sets["report"] = bench.samples(report, task=same, purpose="report")
    return sets


def _cheapest(race: Race, candidates: list[Candidate], bit_trials: int, report: Report) -> tuple[Candidate, int]:
    """The cheapest that holds, and how many networks with bits for each site were tried.

    Raises:
        ChoiceError: nothing holds.
    """
    found = race.cheapest(candidates)
    if found is None:
        raise _nothing_holds(race)
    coded = race.cheapest(candidate for candidate in candidates if _has_bits(candidate)) if bit_trials else None
    if coded is None:
        return found, 0
    lowered: Lowered = lower_bits(race, coded, most=bit_trials, report=report)
    return min(found, lowered.best, key=race.cost), lowered.trials


def _has_bits(candidate: Candidate) -> bool:
    method = candidate.job.method
    return isinstance(method, BitCoded) and isinstance(method.bits, int) and len(candidate.snn.sites) > 1


def _reported(bench: Bench, found: Candidate, images: ReferenceImages | None) -> Cell | None:
    if images is None:
        return None
    job, seconds = Job(found.job.label, found.job.method, (found.cell.steps,)), found.cell.conversion_seconds
    (kept,) = bench.cells(job, found.snn, images, conversion_seconds=seconds)
    return kept.cell


def _tried(race: Race) -> tuple[Tried, ...]:
    return tuple(Tried(candidate.cell, candidate.images) for candidate in race.measured.values())


def _nothing_holds(race: Race) -> ChoiceError:
    tried = _tried(race)
    if not tried:
        failure = race.failed[0]
        return ChoiceError(f"no network could be measured; {failure.label}: {failure.error}")
    model, measure = race.bench.energy_model, race.reference.measure
    ann = {one.images: race.reference.ann(one.images) for one in tried}

    def costing(one: Tried) -> str:
        return "" if race.limits.max_energy is None else f", {one.cell.energy_pj[model]:.4g} pJ"

    best = ", ".join(
        f"{one.cell.label} at T={one.cell.steps} ({measure.loss(one.cell.value, ann[one.images]):.2f} {measure.points} "
        f"on {one.images} images{costing(one)})"
        for one in nearest(tried, measure)
    )
    return ChoiceError(
        f"no network is {race.limits.describe(measure)}; nearest: {best}; allow more (max_drop, max_steps, "
        "max_energy), try more steps or methods, or train the network for few steps (isospike train)"
    )

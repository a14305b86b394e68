"""Candidates on a growing part of the images: who can hardly hold is given up early."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isospike.comparison.bench import Bench
from isospike.comparison.cell import Cell, Failure
from isospike.comparison.entries import Job
from isospike.comparison.limits import Limits
from isospike.comparison.reference_images import ReferenceImages
from isospike.comparison.results import STOPPING
from isospike.comparison.workers import work_through
from isospike.errors import DataError, IsospikeError
from isospike.network import SNN
from isospike.progress import Report

PARTS = (16, 4, 1)
"""A candidate is measured on a sixteenth of the images, on a quarter, on all."""
LEAST = 64
"""Images of the smallest part, where there are as many."""


@dataclass(frozen=True)
class Candidate:
    """A network at a number of steps, and what is known of it."""

    job: Job
    """How it was made."""
    snn: SNN
    """The network."""
    cell: Cell
    """What it did on the first images."""
    images: int
    """How many these were."""


class Race:
    """Measures candidates on parts of the selection images.

    Args:
        bench: converts and measures.
        reference: the selection images.
        limits: what has to hold.
        failed: rows that are known to give no network.
    """

    def __init__(
        self, bench: Bench, reference: ReferenceImages, limits: Limits, failed: Sequence[Failure] = ()
    ) -> None:
        self.bench, self.reference, self.limits = bench, reference, limits
        whole = reference.images
        self.parts = sorted({min(whole, max(-(-whole // part), LEAST)) for part in PARTS})
        self.measured: dict[tuple[Job, int], Candidate] = {}
        self.failed = list(failed)

    def look(self, jobs: Sequence[Job], *, workers: int, report: Report) -> list[Candidate]:
        """Convert and measure on the smallest part; candidates that may hold, cheapest first.

        Raises:
            IsospikeError: the data do not fit, which concerns all.
        """
        refused = self.bench.calibrate(jobs)
        self.failed += [_failure(job, error) for job, error in refused.items()]
        wanted = [job for job in jobs if job not in refused]
        found: dict[Job, list[Candidate]] = {}
        done_before = len(jobs) - len(wanted)
        finished: list[Job] = []

        def measure(job: Job) -> list[Candidate] | IsospikeError:
            try:
                return self.first_look(job)
            except DataError:  # of the data, which concerns all
                raise
            except IsospikeError as error:
                return error

        def done(job: Job, outcome: list[Candidate] | IsospikeError) -> None:
            if isinstance(outcome, IsospikeError):
                self.failed.append(_failure(job, outcome))
            else:
                found[job] = outcome
            finished.append(job)
            report(job.label, done_before + len(finished), len(jobs))

        def stopping() -> None:
            report(STOPPING, done_before + len(finished), len(jobs))

        work_through(wanted, measure, done, workers=workers, stopping=stopping)
        candidates = [candidate for job in wanted for candidate in found.get(job, [])]
        self.measured.update({_key(candidate): candidate for candidate in candidates})
        return self.by_cost(filter(self.may_hold, candidates))

    def first_look(self, job: Job) -> list[Candidate]:
        """Convert, and measure on the smallest part.

        Raises:
            IsospikeError: the method cannot convert or run this network.
        """
        snn, seconds = self.bench.convert(job)
        part = self.parts[0]
        kept = self.bench.cells(job, snn, self.reference, conversion_seconds=seconds, most=part)
        return [Candidate(job, snn, one.cell, part) for one in kept]

    def cheapest(self, candidates: Iterable[Candidate]) -> Candidate | None:
        """The first candidate, in this order, that holds on all images."""
        return next(filter(None, map(self.confirmed, candidates)), None)

    def confirmed(self, candidate: Candidate) -> Candidate | None:
        """The candidate measured on all images if it holds there, and ``None`` as soon as it hardly can."""
        for images in (images for images in self.parts if images > candidate.images):
            if not self.may_hold(candidate):
                return None
            job = Job(candidate.job.label, candidate.job.method, (candidate.cell.steps,))
            seconds = candidate.cell.conversion_seconds
            (kept,) = self.bench.cells(job, candidate.snn, self.reference, conversion_seconds=seconds, most=images)
            candidate = Candidate(candidate.job, candidate.snn, kept.cell, images)
            self.measured[_key(candidate)] = candidate
        holds = self.limits.holds(candidate.cell, self.reference, candidate.images)
        return candidate if holds and self._affordable(candidate) else None

    def may_hold(self, candidate: Candidate) -> bool:
        """Whether the limits are not out of reach."""
        return self._affordable(candidate) and self.limits.may_hold(candidate.cell, self.reference, candidate.images)

    def by_cost(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """By energy, then by T."""
        return sorted(candidates, key=self.cost)

    def cost(self, candidate: Candidate) -> tuple[float, int]:
        """Energy, then T."""
        return candidate.cell.energy_pj[self.bench.energy_model], candidate.cell.steps

    def _affordable(self, candidate: Candidate) -> bool:
        return self.limits.affordable(candidate.cell, self.bench.energy_model)


def _key(candidate: Candidate) -> tuple[Job, int]:
    return candidate.job, candidate.cell.steps


def _failure(job: Job, error: IsospikeError) -> Failure:
    steps = job.steps[0] if len(job.steps) == 1 else None
    return Failure(job.label, steps, " ".join(str(error).split()))

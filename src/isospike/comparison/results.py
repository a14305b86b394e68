"""What is measured, what was kept of an earlier run, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isospike.comparison.bench import Bench
from isospike.comparison.cell import Cell, Failure
from isospike.comparison.disjoint import shared_images
from isospike.comparison.entries import Job
from isospike.comparison.reference_images import ReferenceImages
from isospike.comparison.store import Kept, Store
from isospike.comparison.workers import work_through
from isospike.errors import DataError, IsospikeError
from isospike.progress import Report

STOPPING = "finishing what has begun"
"""What progress is told when the work ends early."""


class Results:
    """The cells of a comparison, in the order of its jobs whatever the order in which they come.

    Args:
        bench: what all methods share.
        reference: the test images.
        store: where finished cells are kept, if anywhere.
    """

    def __init__(self, bench: Bench, reference: ReferenceImages, store: Store | None) -> None:
        self.bench, self.reference, self.store = bench, reference, store
        self._kept: dict[tuple[Job, int], Kept] = {}
        self._failed: dict[Job, Failure] = {}
        self._jobs: list[Job] = []

    def measure(self, jobs: Sequence[Job], *, workers: int, report: Report) -> None:
        """Do what is not done yet.

        Raises:
            IsospikeError: the data do not fit, which concerns all methods, or a result cannot be kept.
        """
        self._jobs += jobs
        missing = {job: self._missing(job) for job in jobs}
        refused = self.bench.calibrate(job for job in jobs if missing[job] is not None)
        for job, error in refused.items():
            self._fail(job, error)
        todo = [job for job in jobs if missing[job] is not None and job not in refused]
        self.shared()  # before the work
        finished: list[Job] = []

        def outcome(job: Job) -> tuple[Kept, ...] | IsospikeError:
            try:
                return self.bench.measure(missing[job] or job, self.reference)
            except DataError:  # of the data, which concerns all
                raise
            except IsospikeError as error:
                return error

        def done(job: Job, found: tuple[Kept, ...] | IsospikeError) -> None:
            self._take(job, found)
            finished.append(job)
            report(job.label, len(jobs) - len(todo) + len(finished), len(jobs))

        def stopping() -> None:
            report(STOPPING, len(jobs) - len(todo) + len(finished), len(jobs))

        work_through(todo, outcome, done, workers=workers, stopping=stopping)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """In order of the jobs, by rising T."""
        return tuple(kept.cell for kept in self._in_order())

    @property
    def failed(self) -> tuple[Failure, ...]:
        """In order of the jobs."""
        return tuple(self._failed[job] for job in self._jobs if job in self._failed)

    @property
    def first(self) -> Kept:
        """The first cell, which knows the ANN."""
        return self._in_order()[0]

    def shared(self) -> dict[str, int]:
        """How many calibration images are among the test images.

        Raises:
            DataError: more than one in a hundred.
        """
        return shared_images({"calibration": self.bench.batches.digests(), "test": self.reference.digests})

    def _in_order(self) -> list[Kept]:
        order = {job: index for index, job in enumerate(self._jobs)}
        return [self._kept[key] for key in sorted(self._kept, key=lambda key: (order[key[0]], key[1]))]

    def _missing(self, job: Job) -> Job | None:
        """The job with the steps that are not known yet; ``None`` if all are."""
        known = {at: self.store.find(job, at) for at in job.steps or (None,)} if self.store else {}
        self._kept.update({(job, kept.cell.steps): kept for kept in known.values() if kept is not None})
        missing = tuple(at for at in job.steps if known.get(at) is None)
        done = not missing if job.steps else known.get(None) is not None
        return None if done else replace(job, steps=missing)

    def _take(self, job: Job, found: tuple[Kept, ...] | IsospikeError) -> None:
        if isinstance(found, IsospikeError):
            self._fail(job, found)
            return
        for kept in found:
            self._kept[job, kept.cell.steps] = kept
            if self.store is not None:
                self.store.keep(job, kept.cell.steps if job.steps else None, kept)

    def _fail(self, job: Job, error: IsospikeError) -> None:
        steps = job.steps[0] if len(job.steps) == 1 else None
        self._failed[job] = Failure(job.label, steps, " ".join(str(error).split()))

"""Several pieces of work at once, in threads: torch computes without Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import torch

from isospike.errors import OptionError
from isospike.simulate.run import is_whole

J = TypeVar("J")
R = TypeVar("R")


def work_through(jobs: Sequence[J], work: Callable[[J], R], done: Callable[[J, R], None], *, workers: int) -> None:
    """Do all jobs; ``done`` is called in this thread, with every result as it comes.

    Two workers and more have one thread of torch each; a single one has all of them. What is raised in a job or in
    ``done`` ends the work: what has begun is finished first.

    Raises:
        OptionError: not at least one worker.
    """
    if not is_whole(workers) or workers < 1:
        raise OptionError(f"workers must be a whole number of at least 1, got {workers!r}")
    if workers == 1:
        for job in jobs:
            done(job, work(job))
        return
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = {pool.submit(work, job): job for job in jobs}
        for future in as_completed(futures):
            done(futures[future], future.result())
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)

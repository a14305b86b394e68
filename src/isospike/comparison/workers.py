"""Several pieces of work at once, in threads: torch computes without Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import TypeVar

import torch

from isospike.options import Count, check_arguments

J = TypeVar("J")
R = TypeVar("R")


def work_through(
    jobs: Sequence[J],
    work: Callable[[J], R],
    done: Callable[[J, R], None],
    *,
    workers: int,
    stopping: Callable[[], None] | None = None,
) -> None:
    """Do all jobs; ``done`` is called in this thread, with every result as it comes.

    Two workers and more have one thread of torch each; a single one has all of them. What is raised in a job or in
    ``done``, and an interrupt, ends the work: ``stopping`` is called, what has begun is finished first, and
    ``done`` gets those results too.

    Raises:
        OptionError: not at least one worker.
    """
    check_arguments(Count, workers=workers)
    if workers == 1:
        for job in jobs:
            done(job, work(job))
        return
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    futures = {pool.submit(work, job): job for job in jobs}
    try:
        for future in as_completed(list(futures)):
            done(futures.pop(future), future.result())
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _finish(pool, futures, done, stopping)
        raise
    finally:
        pool.shutdown()
        torch.set_num_threads(threads)


def _finish(
    pool: ThreadPoolExecutor,
    futures: dict[Future[R], J],
    done: Callable[[J, R], None],
    stopping: Callable[[], None] | None,
) -> None:
    """Wait for what has begun and hand over its results; errors are left out, the one that ended the work is told."""
    if stopping is not None:
        with suppress(Exception):
            stopping()
    pool.shutdown()
    for future, job in futures.items():
        if not future.cancelled() and future.exception() is None:
            with suppress(Exception):
                done(job, future.result())

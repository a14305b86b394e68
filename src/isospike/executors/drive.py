"""The one loop of every run: an executor yields chunks; answers, exits and records take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from isospike.executors.executor import Executor
from isospike.executors.exits import ExitRule
from isospike.executors.leaving import Leaving
from isospike.executors.recorder import Recorder
from isospike.executors.run import Run, RunJob, State
from isospike.graphs.structure import output_structure
from isospike.network import SNN


@dataclass(frozen=True)
class _Part:
    """What some samples of a run gave; flat outputs, as of `Chunk`."""

    answers: dict[int, list[Tensor]]
    recorder: Recorder
    state: State | None
    leaving: Leaving | None


def drive(
    executor: Executor[Any, Any], network: SNN, program: Any, *, job: RunJob, rule: ExitRule | None = None
) -> Run:
    """Run a job that the executor has checked.

    Args:
        executor: yields the steps.
        network: what runs.
        program: the network, compiled by the executor.
        job: what to run.
        rule: which samples leave after a step; runs are then of one step at a time.
    """
    portion = executor.portion(network, program, job)
    steps = portion.steps if rule is None else 1
    inputs = job.x.split(portion.samples, dim=1 if job.sequence else 0)
    jobs = [replace(job, x=x) for x in inputs]
    return _joined([_run(executor, network, program, one, steps, rule) for one in jobs], network, job)


def _run(
    executor: Executor[Any, Any], network: SNN, program: Any, job: RunJob, chunk_steps: int, rule: ExitRule | None
) -> _Part:
    assert job.steps is not None
    execution, answers = executor.begin(program, job.x, job), executor.answers(network, job)
    recorder = Recorder(job, every_step=executor.every_step)
    leaving = None if rule is None else Leaving(rule, network, job)  # type: ignore[arg-type] # `check_exit` saw to it
    rows: Tensor | None = None
    for start in range(0, job.steps, chunk_steps):
        steps = min(chunk_steps, job.steps - start)
        x = job.x[start : start + steps] if job.sequence else job.x
        chunk = execution.advance(x if rows is None or not job.sequence else x[:, rows], steps)
        answers.add(chunk.outputs)
        recorder.add(chunk, start, steps, rows=rows)
        if leaving is None or start + steps <= network.probe:
            continue
        stay = leaving.after(start + steps, answers.answer(start + steps)[0])
        if stay is not None:
            if len(stay) == 0:
                break
            rows = leaving.rows
            execution.keep(stay)
            answers.keep(stay)
    asked = () if leaving is not None else sorted({*job.record.at, job.total})
    state = None if leaving is not None else executor.state(job, execution, answers)
    return _Part({at: answers.answer(at) for at in asked}, recorder, state, leaving)


def _joined(parts: Sequence[_Part], network: SNN, job: RunJob) -> Run:
    """Samples do not see each other, so parts of a batch are laid side by side."""
    structure, recorders = output_structure(network.graph.output_node), [part.recorder for part in parts]
    answers = {
        at: structure([torch.cat(pieces) for pieces in zip(*(part.answers[at] for part in parts), strict=True)])
        for at in parts[0].answers
    }
    outputs = [recorder.outputs for recorder in recorders if recorder.outputs is not None]
    leaving = [part.leaving for part in parts if part.leaving is not None]
    known = [recorder.inhibitory for recorder in recorders if recorder.inhibitory is not None]
    return Run(
        steps=job.total,
        output=torch.cat([one.output for one in leaving]) if leaving else answers[job.total],
        answers=answers,
        outputs=structure([torch.cat(pieces, 1) for pieces in zip(*outputs, strict=True)]) if outputs else None,
        spikes=_side_by_side([recorder.spikes for recorder in recorders], axis=1),
        packets=_side_by_side([recorder.packets for recorder in recorders], axis=1),
        state=parts[0].state,
        codes=_side_by_side([recorder.codes for recorder in recorders], axis=0) if job.record.codes else None,
        inhibitory=_side_by_side(known, axis=0) if known else None,
        exit_steps=torch.cat([one.steps for one in leaving]) if leaving else None,
    )


def _side_by_side(parts: Sequence[dict[str, Tensor]], *, axis: int) -> dict[str, Tensor]:
    return {site: torch.cat([part[site] for part in parts], axis) for site in parts[0]}

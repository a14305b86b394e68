"""A run in which every sample leaves when its answer is sure enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx

from isospike.capture.graph import Graph, op_of
from isospike.errors import SimulationError
from isospike.messages import with_article
from isospike.neurons import Counts, Emitter
from isospike.simulate.execution import Execution, State
from isospike.simulate.exits import ExitRule
from isospike.simulate.readout import OutputSums
from isospike.simulate.run import Job, Run
from isospike.simulate.streaming import check_job, check_steps

if TYPE_CHECKING:
    from isospike.network import SNN


def run_with_exit(snn: SNN, job: Job, rule: ExitRule) -> Run:
    """Run one step at a time; after each one drop the samples that leave from all that is computed further.

    Args:
        snn: a network of `Temporal` neurons with one output ``[B, classes]``.
        job: what to run.
        rule: which samples leave after a step.

    Raises:
        SimulationError: rule, steps, record, input or device do not fit the network.
        OptionError: the rule is for fewer steps.
    """
    check_exit(snn, rule)
    _check_record(job)
    steps = check_steps(job.steps)
    rule.check_steps(steps)
    sequence = check_job(snn, job.x, steps, job.record, job.state)
    program = snn.program(constant_input=not sequence)
    execution = Execution(program, job.x, State(), job.record.watch)
    sums = OutputSums(snn.readout, ())
    rows = torch.arange(job.x.shape[1 if sequence else 0], device=job.x.device)
    exits = _Exits(steps, len(rows), counting=job.record.spikes)
    for step in range(1, steps + 1):
        part, counts = execution.advance(job.x[step - 1 : step, rows] if sequence else job.x, 1)
        sums.add([y[0] for y in part])
        exits.count(step, rows, counts)
        if step <= snn.readout.probe:
            continue
        (answer,) = sums.answer(step)
        leaves = rule.met(answer, step - snn.readout.start(step))
        exits.add(step, rows, answer, leaves)
        stay = (~leaves).nonzero().flatten()
        if len(stay) == 0:
            break
        if len(stay) < len(rows):
            rows = rows[stay]
            execution.keep(stay)
            sums.keep(stay)
    return exits.run()


class _Exits:
    """What the samples leave with.

    Args:
        steps: the largest number of steps.
        batch: number of samples.
        counting: whether spikes are kept.
    """

    def __init__(self, steps: int, batch: int, *, counting: bool) -> None:
        self.steps = steps
        self.batch = batch
        self.counting = counting
        self.output: Tensor | None = None
        self.exit_steps: Tensor | None = None
        self.spikes: dict[str, Tensor] = {}
        self.packets: dict[str, Tensor] = {}

    def add(self, step: int, rows: Tensor, answer: Tensor, leaves: Tensor) -> None:
        """Keep the answers of the samples that leave at this step, of all at the last one.

        Args:
            step: the step that was run.
            rows: the samples that ran it: int64 ``[R]``.
            answer: their answers ``[R, classes]``.
            leaves: which of them leave ``[R]``.
        """
        if self.output is None or self.exit_steps is None:
            self.output = answer.new_empty(self.batch, answer.shape[1])
            self.exit_steps = torch.full_like(rows, self.steps)
        done = leaves if step < self.steps else torch.ones_like(leaves)
        self.output[rows[done]] = answer[done]
        self.exit_steps[rows[done]] = step

    def count(self, step: int, rows: Tensor, counts: dict[str, Counts]) -> None:
        """Keep the events ``[1, R]`` of every site, of the samples that ran a step."""
        for site, events in counts.items() if self.counting else ():
            self._keep(self.spikes, site, step, rows, events.spikes)
            self._keep(self.packets, site, step, rows, events.packets)

    def _keep(self, kept: dict[str, Tensor], site: str, step: int, rows: Tensor, counts: Tensor) -> None:
        if site not in kept:
            kept[site] = counts.new_zeros(self.steps, self.batch)
        kept[site][step - 1, rows] = counts[0]

    def run(self) -> Run:
        """The finished run."""
        return Run(
            steps=self.steps,
            output=self.output,
            answers={},
            outputs=None,
            spikes=self.spikes,
            packets=self.packets,
            state=None,
            exit_steps=self.exit_steps,
        )


def check_exit(snn: SNN, rule: object) -> None:
    """The rule must be one, and the network must answer with ``[B, classes]`` at every step.

    Raises:
        SimulationError: it does not.
    """
    if not isinstance(rule, ExitRule):
        raise SimulationError(f"the exit rule is {with_article(rule)}; give one such as isospike.exits.Confidence(0.9)")
    neuron = snn.graph.get_submodule(snn.sites[0])
    if isinstance(neuron, Emitter):
        raise SimulationError(
            f"exit rule '{rule.name()}' needs an answer at every step, the {type(neuron).__name__} neurons of this "
            "network answer only at the end; leave the rule out, or convert with a method of streaming neurons"
        )
    whole = snn.program(constant_input=True).whole_train
    if whole is not None:
        raise SimulationError(
            f"exit rule '{rule.name()}' needs an answer at every step, the neurons of '{whole}' need their whole train "
            "first; leave the rule out, or convert with another method"
        )
    if any(op.rows > 1 for op in snn.graph.ops):
        raise SimulationError(
            f"exit rule '{rule.name()}' drops samples one by one, a reshape of the network makes several rows of one; "
            "leave the rule out"
        )
    classes = class_count(snn.graph)
    if classes is None or classes < 2:
        raise SimulationError(
            f"exit rule '{rule.name()}' compares classes, the network's output is not one tensor [B, classes] of two "
            "classes or more; leave the rule out"
        )


def class_count(graph: Graph) -> int | None:
    """Number of classes of an output ``[B, classes]``; ``None`` for any other."""
    output = graph.output_node.args[0]
    shape = op_of(output).shape if isinstance(output, fx.Node) else ()
    return shape[0] if len(shape) == 1 else None


def _check_record(job: Job) -> None:
    conflicts = {
        "the outputs of every step (outputs=True)": job.record.outputs,
        f"answers at steps {list(job.record.at)} (at)": bool(job.record.at),
        "the state of an earlier run (state)": job.state is not None,
    }
    found = [what for what, wanted in conflicts.items() if wanted]
    if found:
        raise SimulationError(
            f"a run with an exit rule cannot have {' or '.join(found)}: its samples stop at different steps; "
            "leave one of the two out"
        )

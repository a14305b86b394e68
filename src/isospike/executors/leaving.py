"""What the samples of a run with an exit rule leave with, and the networks that have something to leave with."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.executors.exits import ExitRule
from isospike.executors.run import RunJob
from isospike.messages import with_article
from isospike.network import SNN, StreamingNetwork


class Leaving:
    """Asks the rule after every step and keeps the answers of those who leave, at the last step of all.

    Args:
        rule: which samples leave after a step.
        network: the network that runs.
        job: what it runs.
    """

    def __init__(self, rule: ExitRule, network: StreamingNetwork, job: RunJob) -> None:
        self.rule, self.readout, self.last = rule, network.readout, job.total
        self.rows = torch.arange(job.batch, device=job.x.device)
        self.steps = torch.full_like(self.rows, self.last)
        self.task = network.task
        self.output = network.reference_tensor.new_empty(job.batch, *network.graph.output_shapes[0])

    def after(self, step: int, answer: Tensor) -> Tensor | None:
        """Places ``[R]``, among the samples that are left, of those that stay; ``None``: all do.

        Args:
            step: the step that was run.
            answer: what the samples that are left answer now ``[R, ...]``.
        """
        leaves = self.rule.met(self.task.logits(answer), step - self.readout.start(step))
        done = leaves if step < self.last else torch.ones_like(leaves)
        self.output[self.rows[done]] = answer[done]
        self.steps[self.rows[done]] = step
        if not done.any():
            return None
        stay = (~done).nonzero().flatten()
        self.rows = self.rows[stay]
        return stay


def check_exit(snn: SNN, rule: object) -> ExitRule:
    """The rule, which must be one; the network must decide among alternatives at every step.

    Raises:
        SimulationError: it does not.
    """
    if not isinstance(rule, ExitRule):
        raise SimulationError(f"the exit rule is {with_article(rule)}; give one such as isospike.exits.Confidence(0.9)")
    if not isinstance(snn, StreamingNetwork):
        raise SimulationError(
            f"exit rule '{rule.name()}' needs an answer at every step, the {type(snn.neuron(snn.sites[0])).__name__} "
            "neurons of this network answer only at the end; leave the rule out, or convert with a method of streaming "
            "neurons"
        )
    if snn.whole_train is not None:
        raise SimulationError(
            f"exit rule '{rule.name()}' needs an answer at every step, the neurons of '{snn.whole_train}' need their "
            "whole train first; leave the rule out, or convert with another method"
        )
    if any(op.rows > 1 for op in snn.graph.ops):
        raise SimulationError(
            f"exit rule '{rule.name()}' drops samples one by one, a reshape of the network makes several rows of one; "
            "leave the rule out"
        )
    if (snn.task.alternatives(snn.graph.output_shapes) or 0) < 2:
        raise SimulationError(
            f"exit rule '{rule.name()}' compares alternatives such as classes, the task '{snn.task.name()}' of this "
            "network has none; leave the rule out"
        )
    return rule


def check_job(job: RunJob, rule: ExitRule) -> None:
    """Refuse what samples that stop at different steps cannot give.

    Raises:
        SimulationError: the job asks for it.
        OptionError: the rule is for fewer steps.
    """
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
    if job.steps is not None:
        rule.check_steps(job.steps)

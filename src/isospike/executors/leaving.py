"""What the samples of a run with an exit rule leave with, and the networks that have something to leave with."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from isospike.capture.graph import Graph, op_of
from isospike.errors import SimulationError
from isospike.executors.exits import ExitRule
from isospike.executors.run import Job
from isospike.messages import with_article
from isospike.network import SNN, StreamingNetwork


class Leaving:
    """Asks the rule after every step and keeps the answers of those who leave, at the last step of all.

    Args:
        rule: which samples leave after a step.
        network: the network that runs.
        job: what it runs.
    """

    def __init__(self, rule: ExitRule, network: StreamingNetwork, job: Job) -> None:
        self.rule, self.readout, self.last = rule, network.readout, job.total
        self.rows = torch.arange(job.batch, device=job.x.device)
        self.steps = torch.full_like(self.rows, self.last)
        self.output = job.x.new_empty(job.batch, class_count(network.graph) or 0)

    def after(self, step: int, answer: Tensor) -> Tensor | None:
        """Places ``[R]``, among the samples that are left, of those that stay; ``None``: all do.

        Args:
            step: the step that was run.
            answer: what the samples that are left answer now ``[R, classes]``.
        """
        leaves = self.rule.met(answer, step - self.readout.start(step))
        done = leaves if step < self.last else torch.ones_like(leaves)
        self.output[self.rows[done]] = answer[done]
        self.steps[self.rows[done]] = step
        if not done.any():
            return None
        stay = (~done).nonzero().flatten()
        self.rows = self.rows[stay]
        return stay


def check_exit(snn: SNN, rule: object) -> ExitRule:
    """The rule, which must be one; the network must answer with ``[B, classes]`` at every step.

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
    classes = class_count(snn.graph)
    if classes is None or classes < 2:
        raise SimulationError(
            f"exit rule '{rule.name()}' compares classes, the network's output is not one tensor [B, classes] of two "
            "classes or more; leave the rule out"
        )
    return rule


def class_count(graph: Graph) -> int | None:
    """Number of classes of an output ``[B, classes]``; ``None`` for any other."""
    output = graph.output_node.args[0]
    shape = op_of(output).shape if isinstance(output, fx.Node) else ()
    return shape[0] if len(shape) == 1 else None


def check_job(job: Job, rule: ExitRule) -> None:
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

"""What the executors of streaming networks share: a program of two lists, run over chunks of time."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

from isospike.errors import SimulationError
from isospike.executors.execution import Execution
from isospike.executors.executor import Answers, AnyExecution, Executor, Portion
from isospike.executors.program import Program, compile_program
from isospike.executors.run import RunJob, State, check_shape, check_tensor
from isospike.executors.state_check import check_state
from isospike.executors.sums import OutputSums
from isospike.inputs import Inputs
from isospike.network import StreamingNetwork
from isospike.neurons import Kind


class StreamingExecutor(Executor[StreamingNetwork, Program]):
    """Runs networks of `Temporal` neurons in chunks of time; a subclass says how long these are."""

    kind = Kind.STREAMING
    whole_trains: ClassVar[bool] = True
    """Whether a chunk may have all steps, which some neurons need."""

    @abstractmethod
    def steps_at_once(self, bytes_per_step: int, budget: int) -> int:
        """How many steps a chunk has, from the bytes of one and the budget."""

    def check(self, network: StreamingNetwork, job: RunJob) -> RunJob:
        """Steps, input, record and state must fit the network; see `Executor.check`."""
        steps = network.settled_steps(job.steps)
        if steps is None:
            raise SimulationError("a streaming network runs for any number of steps; say how many (steps)")
        settled = replace(job, steps=steps, sequence=job.x.dim() == len(network.graph.input_shape) + 2)
        _check_input(network, settled)
        if job.record.codes:
            raise SimulationError("a streaming network has no codes to record; leave codes out")
        network.check_length(settled.total)
        _check_answers(network, settled)
        return settled

    def compile(self, network: StreamingNetwork, *, constant_input: bool) -> Program:
        """What is computed once, and what at every step."""
        return compile_program(network.graph, constant_input=constant_input)

    def portion(self, network: StreamingNetwork, program: Program, job: RunJob) -> Portion:
        """All samples, and as many steps as fit; all where a neuron layer needs its whole train."""
        assert job.steps is not None
        if program.whole_train is not None:
            if job.state is not None or not self.whole_trains:
                raise SimulationError(
                    f"the neurons of '{program.whole_train}' need their whole train at once: run the network in one "
                    "piece, with the executor 'layer'"
                )
            return Portion(job.batch, job.steps)
        size = program.step_elements * job.batch * job.x.element_size()
        return Portion(job.batch, min(job.steps, self.steps_at_once(size, job.memory_budget)))

    def begin(self, program: Program, x: Inputs, job: RunJob) -> Execution:
        """From the state of an earlier run, where there is one."""
        if job.state is not None:
            check_state(job.state, program, x[0] if job.sequence else x)
        return Execution(program, x, State() if job.state is None else job.state.copy(), job.record.watch)

    def answers(self, network: StreamingNetwork, job: RunJob) -> OutputSums:
        """Means, as the read-out has them."""
        before = {} if job.state is None else job.state.sums
        return OutputSums(network.readout, (*job.record.at, job.total), before)

    def state(self, job: RunJob, execution: AnyExecution, answers: Answers) -> State:
        """All memory, and the sums that later answers may need."""
        assert isinstance(answers, OutputSums)
        return State(job.total, execution.memory, answers.kept)


def _check_input(network: StreamingNetwork, job: RunJob) -> None:
    """Images, or a sequence that is long enough, on the network's device and in its type."""
    shape, x = network.graph.input_shape, job.x
    check_shape(network, x, f" or sequences [T, B, {', '.join(map(str, shape))}]", sequence=job.sequence)
    if job.sequence and len(x) < job.total - job.begin:
        raise SimulationError(
            f"the sequence has {len(x)} steps of {job.batch} samples, {job.steps} steps were asked for"
            + ("; say layout='batch-first' if it is [B, T, ...]" if job.batch >= job.total - job.begin else "")
        )
    check_tensor(network, x)


def _check_answers(network: StreamingNetwork, job: RunJob) -> None:
    """Answers exist behind a probe, and in this part of the run."""
    probe, end = network.readout.probe, job.total
    if end <= probe:
        raise SimulationError(
            f"the first {probe} steps are for probing and give no answer; {end} were asked for: run at least "
            f"{probe + 1}"
        )
    first = max(job.begin, probe) + 1
    wrong = [at for at in job.record.at if not first <= at <= end]
    if wrong:
        raise SimulationError(f"answers asked for at steps {wrong}, the run gives those at {first} to {end}")

"""The training loop, on accelerate: one process on a CPU or many on many devices, the same call."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from isospike.activations import BitSparsity, TrainableActivation
from isospike.errors import TrainingError
from isospike.files import check_writable, replacing
from isospike.progress import Progress, Report, going_on, reporting
from isospike.train.augment import derived_seed
from isospike.train.batches import EpochOrder, pair_of, samples_of
from isospike.train.checkpoint import Checkpoint, TrainingIdentity, digest
from isospike.train.devices import accelerated, is_first_process
from isospike.train.levels import LevelSchedule
from isospike.train.objective import objective
from isospike.train.recipe import Recipe
from isospike.train.trained import Epoch, Trained


def fit(
    model: nn.Module,
    data: Dataset[Any] | DataLoader[Any],
    recipe: Recipe,
    *,
    teacher: nn.Module | None = None,
    levels: LevelSchedule | None = None,
    checkpoint: Path | None = None,
    log: Path | None = None,
    device: str = "cpu",
    progress: Progress = True,
) -> Trained:
    """Train a classifier; the argument and the CPU's random generator are left as they are.

    The loss is cross-entropy with label smoothing, or for ``tau = recipe.distillation > 0`` the divergence from a
    teacher's classes, ``tau^2 KL(softmax(t / tau) || softmax(s / tau))`` for its scores ``t`` and the network's ``s``
    (Hinton et al. 2015), plus ``bit_sparsity`` times the number of ones in all codes. Started by ``torchrun``, every
    process takes its share of each batch; batch normalisation uses the share. With a ``checkpoint`` the state is
    written after every epoch, and a training that finds its own checkpoint goes on from there to bit-equal weights
    (same machine, same numbers of processes and threads).

    Args:
        model: a network that takes ``[B, ...]`` and returns scores ``[B, classes]``, e.g. from `quantise`.
        data: pairs ``(input, label)`` by index, e.g. `AugmentedImages`; ``set_epoch`` is called where it exists. Of a
            ``DataLoader`` the data set and the ``collate_fn`` are taken: batches and order are the recipe's. With a
            teacher the labels are ignored.
        recipe: how to train.
        teacher: the network whose scores are learned, in evaluation mode; wanted by ``recipe.distillation`` alone.
        levels: the levels that hold from two thirds of the epochs on; the network's own stay by default.
        checkpoint: file to write after every epoch and to go on from.
        log: file for one JSON object per epoch and line.
        device: ``cpu``, ``cuda`` (every process its own) or ``mps``.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.

    Raises:
        TrainingError: the checkpoint belongs to another training, the data do not fit, or the loss is not finite.
        OptionError: the device, the batch size or the levels do not fit, or a teacher is missing or not wanted.
        OutputError: the checkpoint or the log cannot be written.
    """
    for path in (checkpoint, log):
        if path is not None:
            check_writable(path)
    with (
        torch.random.fork_rng(devices=[]),
        accelerated(recipe, device) as accelerator,
        reporting(is_first_process() and progress) as report,
        going_on(_how(checkpoint)),
    ):
        training = _Training(accelerator, model, data, recipe, teacher, levels)
        if checkpoint is not None and checkpoint.exists():
            training.restore(checkpoint)
        for _ in range(len(training.history), recipe.epochs):
            training.run_epoch(report)
            training.write(checkpoint, log)
        return training.result()


def _how(checkpoint: Path | None) -> str:
    """How an interrupted training goes on."""
    if checkpoint is None:
        return "nothing was kept: with checkpoint=FILE the same call goes on where it stopped"
    return f"finished epochs are kept in {checkpoint}: the same call goes on from there"


class _Training:
    """Everything that changes while a network is trained."""

    def __init__(
        self,
        accelerator: Any,
        model: nn.Module,
        data: Dataset[Any] | DataLoader[Any],
        recipe: Recipe,
        teacher: nn.Module | None,
        levels: LevelSchedule | None,
    ) -> None:
        self.accelerator, self.recipe, self.levels = accelerator, recipe, levels
        self.objective = objective(recipe, None if teacher is None else self._placed(teacher))
        if levels is not None:
            levels.check(model)
        self.home = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
        self.plain = self._placed(model).train()
        self.average = _average(self.plain, recipe)
        self.sgd = torch.optim.SGD(_groups(self.plain, recipe), lr=recipe.learning_rate, momentum=recipe.momentum)
        samples, collate = samples_of(data)
        count = len(samples)  # type: ignore[arg-type]
        self.steps = count // recipe.batch_size
        if self.steps == 0:
            raise TrainingError(
                f"{count} images fill no batch of {recipe.batch_size}; give a smaller batch size (--batch-size)"
            )
        self.order = EpochOrder(count, self.steps * recipe.batch_size, recipe.seed)
        part, workers = recipe.batch_size // recipe.accumulation, recipe.workers
        loader = DataLoader(samples, part, sampler=self.order, num_workers=workers, collate_fn=collate)
        self.model, self.optimiser, self.loader = accelerator.prepare(self.plain, self.sgd, loader)
        kinds = [repr(m.activation) for m in self.plain.modules() if isinstance(m, TrainableActivation)]
        self.identity = TrainingIdentity.of(
            recipe,
            self.plain.state_dict(),
            activations=kinds,
            images=count,
            processes=accelerator.num_processes,
            adapted={} if levels is None else dict(levels.adapted),
            teacher=digest(teacher),
            start=digest(model),
            data=getattr(samples, "digest", ""),
        )
        self.history: list[Epoch] = []

    def _placed(self, model: nn.Module) -> nn.Module:
        """A copy on the device, in the memory format of the recipe."""
        placed = copy.deepcopy(model)
        if self.recipe.channels_last:
            placed.to(memory_format=torch.channels_last)
        return placed.to(self.accelerator.device)

    def run_epoch(self, report: Report) -> None:
        """Train for one epoch."""
        epoch, started = len(self.history), time.perf_counter()
        self._adapt(epoch)
        torch.manual_seed(derived_seed(self.recipe.seed, epoch, self.accelerator.process_index, 1))
        self.order.epoch = epoch
        self.loader.set_epoch(epoch)  # and with it that of the data, where they have one
        self.model.train()
        sums = torch.zeros(3, dtype=torch.float64, device=_exact(self.accelerator.device))
        done, batch = epoch * self.steps, self.recipe.batch_size
        for pair in self.loader:
            inputs, labels = pair_of(pair)
            for group in self.sgd.param_groups:
                group["lr"] = group["factor"] * self._rate(done)
            with self.accelerator.accumulate(self.model):
                sums += self._learn(inputs, labels)
            if self.accelerator.sync_gradients:
                done += 1
                if self.average is not None:
                    self.average.update_parameters(self.plain)
                report("training", done * batch, self.recipe.epochs * self.steps * batch)
        loss, correct, count = self.accelerator.reduce(sums, "sum").tolist()
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is not finite in epoch {epoch + 1}; lower the learning rate")
        seconds = time.perf_counter() - started
        self.history.append(Epoch(epoch + 1, loss / count, correct / count, self._rate(done - 1), round(seconds, 3)))

    def _rate(self, done: int) -> float:
        """The learning rate after a number of optimiser steps."""
        return self.recipe.rate(done, self.recipe.epochs * self.steps)

    def _adapt(self, epoch: int) -> None:
        """The levels that hold in an epoch, for the averaged weights too."""
        if self.levels is not None and epoch >= self.levels.switch(self.recipe.epochs):
            for model in [self.plain] if self.average is None else [self.plain, self.average.module]:
                self.levels.adapt(model)

    def _learn(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """One part of a batch; returns its summed loss, its hits and its size."""
        if self.recipe.channels_last and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with self._penalty() as penalty:
            scores = self.model(inputs)
        with self.accelerator.autocast():
            loss, hits = self.objective(inputs, scores, labels)
        # Gradients are averaged over parts and processes, but the ones are to be summed.
        parts = self.recipe.accumulation * self.accelerator.num_processes
        total = loss if penalty is None else loss + self.recipe.bit_sparsity * parts * penalty.total()
        self.accelerator.backward(total)
        self.optimiser.step()
        self.optimiser.zero_grad()
        found = torch.stack([loss.detach() * len(inputs), hits, torch.full_like(hits, len(inputs))])
        return found.to(_exact(self.accelerator.device), torch.float64)

    def _penalty(self) -> Any:
        if not self.recipe.bit_sparsity:
            return nullcontext()
        return BitSparsity(self.plain, gradient=self.recipe.bit_gradient)

    def restore(self, path: Path) -> None:
        """Go on where a checkpoint was written.

        Raises:
            TrainingError: it is damaged, or belongs to another training.
        """
        checkpoint = Checkpoint.load(path, self.identity)
        self.plain.load_state_dict(checkpoint.part("model"))
        if self.average is not None:
            self.average.load_state_dict(checkpoint.part("average"))
        moved = {str(index): parameter for index, parameter in enumerate(_parameters(self.sgd))}
        for index, momentum in checkpoint.part("momentum").items():
            if index not in moved or momentum.shape != moved[index].shape:
                raise TrainingError(f"the checkpoint '{path}' is damaged: it has a momentum of nothing; remove it")
            # In the layout of the parameter: another one is computed by other instructions, rounded otherwise.
            own = torch.empty_like(moved[index]).copy_(momentum)
            self.sgd.state[moved[index]]["momentum_buffer"] = own.detach()
        if checkpoint.scaler:
            self.accelerator.scaler.load_state_dict(checkpoint.scaler)
        self.history = [Epoch(**entry) for entry in checkpoint.history]  # type: ignore[arg-type]

    def write(self, checkpoint: Path | None, log: Path | None) -> None:
        """Write checkpoint and log, by the first process alone."""
        if not self.accelerator.is_main_process:
            return
        history = [asdict(epoch) for epoch in self.history]
        if checkpoint is not None:
            scaler = self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else {}
            Checkpoint(self.identity, history, dict(self._tensors()), scaler).save(checkpoint)
        if log is not None:
            with replacing(log) as part:
                part.write_text("".join(json.dumps(entry) + "\n" for entry in history))

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, tensor in self.plain.state_dict().items():
            yield f"model.{name}", tensor
        for name, tensor in {} if self.average is None else self.average.state_dict().items():
            yield f"average.{name}", tensor
        for index, parameter in enumerate(_parameters(self.sgd)):
            buffer = self.sgd.state[parameter].get("momentum_buffer")
            if buffer is not None:
                yield f"momentum.{index}", buffer

    def result(self) -> Trained:
        """The trained network."""
        self._adapt(len(self.history))
        plain = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        chosen = plain if self.average is None else self.average.module
        return Trained(chosen.to(self.home).eval(), tuple(self.history))


def _average(model: nn.Module, recipe: Recipe) -> AveragedModel | None:
    """The moving average of weights and statistics, where the recipe wants one."""
    if not recipe.ema:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)


def _groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Weight decay for the weights of linear maps only, a rate of their own for bounds, which have axes too."""
    trainable = {id(parameter): parameter for parameter in model.parameters() if parameter.requires_grad}
    of_bounds = {id(m.log_bound) for m in model.modules() if isinstance(m, TrainableActivation)}
    bounds = [trainable.pop(key) for key in list(trainable) if key in of_bounds]
    weights, others = ([p for p in trainable.values() if (p.dim() > 1) is wide] for wide in (True, False))
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay, "factor": 1.0},
        {"params": others, "weight_decay": 0.0, "factor": 1.0},
        {"params": bounds, "weight_decay": 0.0, "factor": recipe.bound_factor},
    ]
    return [group for group in groups if group["params"]]


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _exact(device: torch.device) -> torch.device:
    """Where float64 exists."""
    return torch.device("cpu") if device.type == "mps" else device

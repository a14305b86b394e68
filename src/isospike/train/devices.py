"""Devices and processes, by accelerate."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from isospike.data.library import optional_library
from isospike.errors import OptionError, TrainingError
from isospike.train.recipe import Recipe

_PRECISION = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


def is_first_process() -> bool:
    """Whether this is the only process or the first that ``torchrun`` started: the one that writes and prints."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def accelerated(recipe: Recipe, device: str) -> Iterator[Any]:
    """An ``accelerate.Accelerator`` for a recipe; its global state is cleared at the end.

    Raises:
        OptionError: there is no such device here, or the recipe does not fit it.
        TrainingError: accelerate is not installed.
    """
    library = optional_library("accelerate", "accelerate", TrainingError)
    _check(recipe, device)
    library.state.AcceleratorState._reset_state(True)
    try:
        accelerator = library.Accelerator(
            cpu=device == "cpu",
            mixed_precision=_PRECISION[recipe.precision],
            gradient_accumulation_steps=recipe.accumulation,
            dataloader_config=library.DataLoaderConfiguration(split_batches=True),
        )
        part = recipe.batch_size // recipe.accumulation
        if part % accelerator.num_processes:
            raise OptionError(
                f"a batch of {part} images cannot be split among {accelerator.num_processes} processes; "
                "change the batch size"
            )
        yield accelerator
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        library.state.AcceleratorState._reset_state(True)


def _check(recipe: Recipe, device: str) -> None:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device, False):
        known = ", ".join(name for name, here in available.items() if here)
        raise OptionError(f"device '{device}' is not available for training; here: {known}")
    if recipe.precision == "float16" and device == "cpu":
        raise OptionError("precision float16 needs a GPU; take bfloat16 on a CPU")

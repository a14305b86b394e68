"""Options that ``isospike compare`` and ``isospike auto`` share, and how they show cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import click
from torch import nn

from isospike.cli import options
from isospike.cli.data import DataOptions, OpenData
from isospike.cli.fields import parsed
from isospike.comparison import Failure
from isospike.convertible import Analogue
from isospike.costs import energy_model_called, energy_models
from isospike.errors import OptionError
from isospike.methods import methods
from isospike.models import load_model
from isospike.options import options_of
from isospike.sites import Sites, Tables
from isospike.tasks import task_called

SAME_IMAGES = re.compile(r"(npz|imagefolder):|tsv:[^#]*\.(?!zip)\w+(#|$)")
"""Sources without a calibration part of their own."""

F = TypeVar("F", bound=Callable[..., Any])


def method_options(command: F) -> F:
    """``--methods`` and ``--option``, ``--energy-model`` and what conversions need."""
    chosen = [
        options.weights_option,
        options.random_weights_option,
        click.option("--methods", "names", default="all", show_default=True, help="Names with commas between, or all."),
        click.option("--option", "pairs", multiple=True, metavar="METHOD.NAME=VALUE", help="An option of a method."),
        click.option(
            "--energy-model",
            default="45nm-fp32",
            show_default=True,
            help=f"{', '.join(energy_models)}, or a TOML file with figures of your own.",
        ),
        click.option("--calibration-images", type=int, default=1024, show_default=True, help="Training images."),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of the order of the images."),
        options.analogue_option,
        options.sites_option,
        options.tables_option,
        options.executor_option("layer and collapsed; networks that the one named does not run take theirs"),
        options.task_option,
    ]
    for option in reversed(chosen):
        command = option(command)
    return command


@dataclass(frozen=True)
class MethodOptions:
    """The values of `method_options`."""

    weights: Path | None
    random_weights: bool
    names: str
    pairs: tuple[str, ...]
    energy_model: str
    calibration_images: int
    seed: int
    analogue: Analogue
    sites: Sites
    tables: Tables
    executor: str | None
    task: str | None

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> Self:
        """Take them out of the values of a command."""
        return cls(**{field.name: values.pop(field.name) for field in fields(cls)})

    def arguments(self) -> dict[str, Any]:
        """The arguments of `isospike.compare` and `isospike.auto` that they are.

        Raises:
            OptionError, UnknownNameError: see `parse_options`.
            EnergyModelError: the file of the energy model cannot be read.
        """
        return {
            "methods": _parse_methods(self.names),
            "options": parse_options(self.pairs),
            "energy_model": energy_model_called(self.energy_model),
            "analogue": self.analogue,
            "sites": self.sites,
            "tables": self.tables,
            "executor": self.executor,
            "task": None if self.task is None else task_called(self.task),
        }

    def open(self, model: str, data: DataOptions) -> tuple[nn.Module, OpenData]:
        """The model, and random calibration images as it takes them."""
        loaded = load_model(model, weights=self.weights, untrained="warn" if self.random_weights else "refuse")
        images = replace(data, images=self.calibration_images)
        opened = images.open("calibration", preprocess=loaded.preprocess, shuffle=True, seed=self.seed)
        return loaded.model.to(opened.device), opened


def _parse_methods(names: str) -> str | list[str]:
    """``all``, or the names between commas."""
    return "all" if names == "all" else [name.strip() for name in names.split(",") if name.strip()]


def parse_options(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``METHOD.NAME=VALUE`` as options by method; names as on the command line or in Python.

    Raises:
        OptionError: a pair of another form, an option that the method lacks, or a value of another type.
        UnknownNameError: no such method.
    """
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        left, equals, value = pair.partition("=")
        method, dot, name = left.partition(".")
        if not (equals and dot):
            raise OptionError(f"--option takes METHOD.NAME=VALUE such as bit-coded.bits=4, got '{pair}'")
        known = {option.name: option for option in options_of(methods[method])}
        key = name.replace("-", "_")
        if key not in known:
            raise OptionError(f"{method} has no option '{name}'; it has {', '.join(known)}")
        try:
            found.setdefault(method, {})[key] = parsed(known[key], value)
        except click.BadParameter as error:
            raise OptionError(f"--option {pair}: {error.message}") from error
    return found


def check_sources(calibration: str, other: str, flag: str) -> None:
    """Refuse a source that gives the same images for both purposes.

    Raises:
        OptionError: it has no part for calibration.
    """
    if other == calibration and SAME_IMAGES.match(calibration):
        raise OptionError(
            f"'{calibration}' has no calibration part of its own: give the images that are measured with {flag}"
        )


def print_failed(failed: Sequence[Failure]) -> None:
    """What failed, and why."""
    for failure in failed:
        at = "" if failure.steps is None else f" at T={failure.steps}"
        click.echo(f"failed: {failure.label}{at}: {failure.error}")

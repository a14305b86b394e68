"""Options that several commands share, and their parsing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from isospike.data.reading import Layout
from isospike.executors import executors
from isospike.sites import Sites
from isospike.sites.code_tables import CUTS
from isospike.tasks import tasks

F = TypeVar("F", bound=Callable[..., Any])


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
    """Numbers separated by commas, e.g. ``4,8,16``."""

    def __init__(self, kind: type[int] | type[float], name: str) -> None:
        self.kind = kind
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """A tuple of numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.kind(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of {self.name} like 1,2,4", param, ctx)


class NameList(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
    """Names separated by commas, e.g. ``gelu,silu``."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """A tuple of names."""
        if isinstance(value, tuple):
            return value
        return tuple(name for part in str(value).split(",") if (name := part.strip()))


INTEGERS = Numbers(int, "whole numbers")
FLOATS = Numbers(float, "numbers")
NAMES = NameList()


def weights_option(command: F) -> F:
    """``--weights``."""
    return click.option(
        "--weights",
        type=click.Path(path_type=Path),
        help="Weights: .safetensors, a .pth/.pt/.th state dict (tensors only), or DEFAULT for the library's own.",
    )(command)


random_weights_option = click.option(
    "--random-weights", is_flag=True, help="Measure a network of a library without trained weights all the same."
)


def data_options(command: F) -> F:
    """``--data`` and how its images become inputs."""
    return _with([*_data_options(), _layout_option], command)


def network_options(command: F) -> F:
    """A ``.snn`` file, ``--data`` and ``--steps``."""
    steps = click.option(
        "--steps",
        type=INTEGERS,
        help="Numbers of steps [default: 1,2,4,8,16,32; the network's own where it has some].",
    )
    file = click.argument("network", type=click.Path(path_type=Path, dir_okay=False))
    return file(data_options(steps(command)))


def training_data_options(command: F) -> F:
    """The same without ``--batch-size``, which belongs to the recipe."""
    options = _data_options()
    del options[_BATCH_SIZE]
    return _with(options, command)


def image_options(command: F) -> F:
    """``--data`` and how its images become inputs, where one image is wanted, or none."""
    options = _data_options(required=False)
    del options[_IMAGES : _BATCH_SIZE + 1]
    return _with(options, command)


_layout_option = click.option(
    "--layout",
    type=click.Choice(get_args(Layout)),
    help="Says that the data are sequences of events, and where their time is: [T, B, ...] or [B, T, ...].",
)

_IMAGES, _BATCH_SIZE = 1, 2


def _data_options(*, required: bool = True) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--data",
            required=required,
            help="digits, npz:FILE, cifar10:DIR, imagefolder:DIR, tsv:FILE, or FILE.py:FUNCTION returning batches.",
        ),
        click.option("--images", type=int, help="Largest number of images [default: all]."),
        click.option("--batch-size", type=int, default=100, show_default=True, help="Images in a batch."),
        click.option("--size", type=int, help="Side in pixels to resize to [default: the model's, or as they are]."),
        click.option("--mean", type=FLOATS, help="Channel means after scaling to 0..1, e.g. 0.485,0.456,0.406."),
        click.option("--std", type=FLOATS, help="Channel deviations after scaling to 0..1."),
        click.option("--tokenizer", help="The tokenizer.json of a language model, for texts."),
        click.option("--length", type=int, help="Tokens of a text [default: the network's, or 128]."),
        click.option("--device", default="cpu", show_default=True, help="Where to compute, e.g. cpu or cuda."),
    ]


def _with(options: list[Callable[[Any], Any]], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def json_option(command: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")(command)


task_option = click.option(
    "--task",
    help=f"What the answers are for: {', '.join(tasks)}, with options such as regression:measure=psnr,peak=255 "
    "[default: as the outputs and targets are].",
)


def executor_option(default: str) -> Callable[[F], F]:
    """``--executor``, with what is taken without it in words."""
    return click.option("--executor", type=click.Choice(list(executors)), help=f"How to simulate [default: {default}].")


part_option = click.option(
    "--part",
    help="Name of a submodule, such as backbone: the network of it alone, given what reaches it as MODEL runs on the "
    "data.",
)
sites_option = click.option(
    "--sites",
    type=click.Choice(get_args(Sites)),
    default="auto",
    show_default=True,
    help="Where neurons stand: in the place of rectifiers, or also in front of every product; auto takes the second "
    "where the first leaves over a tenth of the multiply-accumulates to analogue values.",
)
tables_option = click.option(
    "--tables",
    type=NAMES,
    default=(),
    help=f"Approximate, of methods that emit codes: functions that become tables from code to code, of "
    f"{', '.join(CUTS)}, where sites stand behind them.",
)
analogue_option = click.option(
    "--analogue",
    type=click.Choice(["refuse", "allow"]),
    default="refuse",
    show_default=True,
    help="Ops that no neuron can stand for: refuse them, or compute them on decoded values.",
)

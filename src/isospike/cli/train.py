"""``isospike train ACTIVATION MODEL``: fine-tune a network with quantised activations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from torch import nn

from isospike.activations import Activation, activations
from isospike.calibrate.codes import count_codes
from isospike.cli import options
from isospike.cli.baseline import Baseline, score_of
from isospike.cli.data import DataOptions
from isospike.cli.fields import click_option
from isospike.cli.progress import shown
from isospike.cli.render import describe_preprocess, print_json, print_result
from isospike.cli.training_data import TrainingData, first_batches, training_data
from isospike.errors import OptionError, TrainingError
from isospike.files import check_writable
from isospike.graphs import Graph
from isospike.models import load_model
from isospike.models.quantised import load_quantised, save_quantised
from isospike.options import options_of
from isospike.progress import reporting
from isospike.quantisation import quantise
from isospike.refine import allocate_levels, metric_of_levels
from isospike.tasks import Measured
from isospike.train import LevelSchedule, Recipe, Trained, fit
from isospike.train.devices import is_first_process

CALIBRATION_IMAGES = 1000
"""Training images from which the first bounds are found."""
METRIC_IMAGES = 3000
"""Training images whose codes decide on adaptive levels (Ramesh and Srinivasan 2025)."""


class ActivationGroup(click.Group):
    """One subcommand per registered activation."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the activations."""
        return list(activations)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of one activation, its options made from the fields of activation and recipe."""
        kind = activations[cmd_name]
        own, common = options_of(kind), options_of(Recipe)

        @click.argument("model")
        @options.weights_option
        @options.training_data_options
        @click.option("--test", help="Where the score is measured once, after the training, e.g. cifar10:DIR.")
        @click.option("--average-pools", is_flag=True, help="Put average pools in the place of max pools.")
        @click.option(
            "--replace",
            type=options.NAMES,
            default=(),
            help="Other functions in whose place the activation is to stand, by ATen name, e.g. gelu,silu.",
        )
        @click.option("--out", type=click.Path(path_type=Path), required=True, help="The .safetensors file to write.")
        @click.option(
            "--checkpoint",
            type=click.Path(path_type=Path),
            help="State after every epoch; a run that finds its own goes on from there [default: OUT.checkpoint].",
        )
        @click.option(
            "--adapt-levels",
            type=options.INTEGERS,
            help="Levels to share out among the sites, e.g. 2,4,8; they hold from two thirds of the epochs on.",
        )
        @click.option(
            "--adapt-from",
            type=click.Path(path_type=Path),
            help="The network trained with uniform levels whose codes say which site gets how many.",
        )
        @click.option("--log", type=click.Path(path_type=Path), help="One JSON object per epoch and line.")
        @options.json_option
        def run(**values: Any) -> None:
            activation = kind(**{option.name: values.pop(option.name) for option in own})
            recipe = Recipe(**{option.name: values.pop(option.name) for option in common})
            _train(activation, recipe, **values)

        run.__doc__ = kind.__doc__
        made = click.command(name=cmd_name, short_help=kind.summary())(run)
        made.params += [click_option(option) for option in (*own, *common)]
        return made


@click.group(cls=ActivationGroup, short_help="Fine-tune a network with quantised activations.")
def train_command() -> None:
    """Fine-tune a network with quantised activations, from its ReLU weights.

    MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY. Give the file written to the other
    commands as --weights of the same MODEL. A killed run goes on where it was: start it again. On many devices:
    torchrun --nproc-per-node N -m isospike train ...
    """


def _train(
    activation: Activation,
    recipe: Recipe,
    *,
    model: str,
    weights: Path | None,
    test: str | None,
    average_pools: bool,
    replace: tuple[str, ...],
    out: Path,
    checkpoint: Path | None,
    adapt_levels: tuple[int, ...] | None,
    adapt_from: Path | None,
    log: Path | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    if (adapt_levels is None) != (adapt_from is None):
        raise OptionError("--adapt-levels and --adapt-from belong together: levels to share out, and a network")
    checkpoint = checkpoint or out.with_name(f"{out.name}.checkpoint")
    _check_files(out, checkpoint, *([] if log is None else [log]))
    data = DataOptions(batch_size=100, **data_values)
    loaded = load_model(model, weights=weights)
    opened = data.open("calibration", preprocess=loaded.preprocess, shuffle=True, seed=recipe.seed)
    learned = training_data(opened, recipe, data.data)
    held_out = None
    if test is not None:
        measured = dataclasses.replace(data, data=test, images=None)
        held_out = measured.open("test", preprocess=learned.preprocess, shuffle=False)
    first = first_batches(opened.loader, CALIBRATION_IMAGES)
    network = quantise(loaded.model, activation, data=first, average_pools=average_pools, replace=replace)
    levels = None
    if adapt_levels is not None and adapt_from is not None:
        trained_before, _ = load_quantised(loaded.model, adapt_from)
        levels = _adapted(trained_before, adapt_levels, opened.loader)
    before = _baseline(loaded.model, first, None if held_out is None else held_out.loader)
    teacher = loaded.model if recipe.distillation else None
    options = {"teacher": teacher, "levels": levels, "checkpoint": checkpoint, "log": log, "device": data.device}
    trained = _fitted(network, learned, before, options, as_json=as_json)
    if not is_first_process():
        return
    assert isinstance(trained.model, Graph)
    save_quantised(trained.model, out, preprocess=learned.preprocess)
    after = None if before is None else score_of(trained.model, before.batches)
    checkpoint.unlink()
    _report(trained, activation, learned, out, levels, before, after, as_json=as_json)
    if before is not None and after is not None:
        before.check(after)


def _baseline(model: nn.Module, first: list[Any], test: Iterable[Any] | None) -> Baseline | None:
    """What the ANN knows, by the first of the processes; of the training images where there are no others."""
    if not is_first_process():
        return None
    found = Baseline.of(model, first, "training") if test is None else Baseline.of(model, test, "test")
    if found is None and test is not None:
        raise TrainingError("there are no labelled test images; leave --test out")
    return found


def _fitted(
    network: Graph, learned: TrainingData, before: Baseline | None, options: dict[str, Any], *, as_json: bool
) -> Trained:
    """The trained network; what it starts from is printed as soon as it is known that it can be trained."""
    waiting = [] if as_json else [f"augmentation: {learned.recipe.augmentation()}", _told(before)]
    with reporting(shown()) as report:

        def told(what: str, done: int, total: int) -> None:
            while waiting:
                click.echo(waiting.pop(0))
            report(what, done, total)

        return fit(network, learned.samples, learned.recipe, progress=told, **options)


def _told(before: Baseline | None) -> str:
    return "before the training: not measured, the images have no labels" if before is None else str(before)


def _check_files(out: Path, *others: Path) -> None:
    """Refuse files that cannot be written, or that would overwrite each other at the end of the training."""
    if out.suffix != ".safetensors":
        raise OptionError(f"--out must end in .safetensors, by which it is read again; got '{out}'")
    for path in (out, *others):
        check_writable(path)
    if len({path.resolve() for path in (out, *others)}) <= len(others):
        raise OptionError("--out, --checkpoint and --log must be different files")


def _adapted(network: Graph, levels: tuple[int, ...], loader: Iterable[Any]) -> LevelSchedule:
    """Each site's levels, from the codes of a network trained with uniform ones."""
    counts = count_codes(network, first_batches(loader, METRIC_IMAGES))
    return LevelSchedule(allocate_levels(metric_of_levels(counts), levels))


def _report(
    trained: Trained,
    activation: Activation,
    learned: TrainingData,
    out: Path,
    levels: LevelSchedule | None,
    before: Baseline | None,
    after: Measured | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        tested = before is not None and before.what == "test"
        print_json(
            {
                "file": str(out),
                "activation": activation.name,
                "options": asdict(activation),
                "recipe": asdict(learned.recipe),
                "images": learned.count,
                "adapted_levels": None if levels is None else dict(levels.adapted),
                "epochs": [epoch.to_dict() for epoch in trained.history],
                "baseline": None if before is None or after is None else before.beside(after).to_dict(),
                "test": {"score": after.value, "images": after.count} if after is not None and tested else None,
                "preprocess": None if learned.preprocess is None else learned.preprocess.to_dict(),
            }
        )
        return
    print_result(trained.table(), f"{out}: {activation.name}")
    if before is not None and after is not None:
        click.echo(before.told(after))
    if levels is not None:
        click.echo(f"levels: {', '.join(f'{site} {count}' for site, count in levels.adapted.items())}")
    click.echo(f"input: {describe_preprocess(learned.preprocess)}")

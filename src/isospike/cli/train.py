"""``isospike train ACTIVATION MODEL``: fine-tune a network with quantised activations."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from isospike.activations import Activation, activations
from isospike.calibrate.codes import count_codes
from isospike.capture import Graph
from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.fields import fields_of
from isospike.cli.progress import shown
from isospike.cli.render import describe_preprocess, percent, print_json, print_result
from isospike.data.dataset import ImageDataset
from isospike.errors import OptionError, TrainingError
from isospike.files import check_writable
from isospike.models import load_model
from isospike.models.quantised import load_quantised, save_quantised
from isospike.quantise import quantise
from isospike.refine import allocate_levels, metric_of_levels
from isospike.train import AugmentedImages, LevelSchedule, Recipe, Trained, fit
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
        own, common = fields_of(kind), fields_of(Recipe)

        @click.argument("model")
        @options.weights_option
        @options.training_data_options
        @click.option("--test", help="Where the accuracy is measured once, after the training, e.g. cifar10:DIR.")
        @click.option("--average-pools", is_flag=True, help="Put average pools in the place of max pools.")
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
            activation = kind(**{field.name: values.pop(field.name) for field in own})
            recipe = Recipe(**{field.name: values.pop(field.name) for field in common})
            _train(activation, recipe, **values)

        run.__doc__ = kind.__doc__
        made = click.command(name=cmd_name, short_help=kind.summary())(run)
        made.params += [field.option() for field in (*own, *common)]
        return made


@click.group(cls=ActivationGroup, short_help="Fine-tune a network with quantised activations.")
def command() -> None:
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
    images = AugmentedImages(_images(opened.loader, data.data), recipe)
    held_out = None
    if test is not None:
        held_out = replace(data, data=test, images=None).open("test", preprocess=images.preprocess, shuffle=False)
    first = list(itertools.islice(opened.loader, CALIBRATION_IMAGES // data.batch_size))
    network = quantise(loaded.model, activation, data=first, average_pools=average_pools)
    levels = None
    if adapt_levels is not None and adapt_from is not None:
        trained_before, _ = load_quantised(loaded.model, adapt_from)
        levels = _adapted(trained_before, adapt_levels, opened.loader, data.batch_size)
    files = {"checkpoint": checkpoint, "log": log}
    teacher = loaded.model if recipe.distillation else None
    trained = fit(
        network, images, recipe, teacher=teacher, levels=levels, **files, device=data.device, progress=shown()
    )
    if not is_first_process():
        return
    assert isinstance(trained.model, Graph)
    save_quantised(trained.model, out, preprocess=images.preprocess)
    measured = None if held_out is None else _measure(trained.model, held_out.loader)
    checkpoint.unlink()
    _report(trained, activation, recipe, out, images, levels, measured, as_json=as_json)


def _check_files(out: Path, *others: Path) -> None:
    """Refuse files that cannot be written, or that would overwrite each other at the end of the training."""
    if out.suffix != ".safetensors":
        raise OptionError(f"--out must end in .safetensors, by which it is read again; got '{out}'")
    for path in (out, *others):
        check_writable(path)
    if len({path.resolve() for path in (out, *others)}) <= len(others):
        raise OptionError("--out, --checkpoint and --log must be different files")


def _adapted(network: Graph, levels: tuple[int, ...], loader: Iterable[Any], batch_size: int) -> LevelSchedule:
    """Each site's levels, from the codes of a network trained with uniform ones."""
    counts = count_codes(network, itertools.islice(loader, METRIC_IMAGES // batch_size))
    return LevelSchedule(allocate_levels(metric_of_levels(counts), levels))


def _images(loader: Iterable[Any], spec: str) -> ImageDataset:
    dataset = getattr(loader, "dataset", None)
    if not isinstance(dataset, ImageDataset):
        raise TrainingError(f"'{spec}' gives finished batches; training takes digits, npz, cifar10 or imagefolder")
    return dataset


@torch.inference_mode()
def _measure(network: Graph, loader: Iterable[Any]) -> dict[str, float]:
    """Top-1 on labelled batches."""
    hits = count = 0
    for batch in loader:
        if isinstance(batch, Tensor):
            raise TrainingError("the test images have no labels; the trained network is written")
        hits += int((network(batch[0]).argmax(1) == batch[1]).sum())
        count += len(batch[1])
    return {"top1": hits / count, "images": count}


def _report(
    trained: Trained,
    activation: Activation,
    recipe: Recipe,
    out: Path,
    images: AugmentedImages,
    levels: LevelSchedule | None,
    measured: dict[str, float] | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "file": str(out),
                "activation": activation.name,
                "options": asdict(activation),
                "recipe": asdict(recipe),
                "images": len(images),
                "adapted_levels": None if levels is None else dict(levels.adapted),
                "epochs": [asdict(epoch) for epoch in trained.history],
                "test": measured,
                "preprocess": images.preprocess.to_dict(),
            }
        )
        return
    print_result(trained.table(), f"{out}: {activation.name}")
    if measured is not None:
        click.echo(f"top-1 {percent(measured['top1'])} % on {measured['images']} test images")
    if levels is not None:
        click.echo(f"levels: {', '.join(f'{site} {count}' for site, count in levels.adapted.items())}")
    click.echo(f"input: {describe_preprocess(images.preprocess)}")

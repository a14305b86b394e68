"""``isospike demo``: every method on an embedded network and embedded data."""

from __future__ import annotations

import time
from typing import Any

import click

from isospike.capture import capture
from isospike.cli import options
from isospike.cli.progress import progress_bar
from isospike.cli.render import percent, print_json, print_table
from isospike.cli.steps import default_steps
from isospike.convert import convert
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.measure import Evaluation, evaluate
from isospike.methods import methods

SHORTER: dict[str, dict[str, Any]] = {"calibration-advanced": {"iterations": 100, "learning_rate": 1e-4}}
"""Options of methods whose defaults take longer than a demonstration should."""


@click.command(short_help="Convert and measure an embedded network with every method.")
@options.json_option
def command(as_json: bool) -> None:
    """Convert a small residual network for handwritten digits with every method and measure each.

    The network was trained by this project (isospike.demo.train); the digits come with scikit-learn. Calibration uses
    training digits only, accuracy is measured on the 500 test digits.
    """
    calibration = open_data("digits", "calibration", preprocess=None, shuffle=True)
    test = open_data("digits", "test", preprocess=None, shuffle=False)
    graph = capture(load_digits_net(), next(iter(calibration))[0][:2])
    results: dict[str, tuple[float, Evaluation]] = {}
    shown = {name: kind for name, kind in methods.items() if not kind.needs_training}
    with progress_bar("methods", len(shown)) as bar:
        for name, kind in shown.items():
            started = time.perf_counter()
            snn = convert(graph, kind(**SHORTER.get(name, {})), data=calibration)
            seconds = time.perf_counter() - started
            results[name] = (seconds, evaluate(snn, test, steps=default_steps(snn)))
            bar.advance()
    if as_json:
        print_json({name: _describe(*result) for name, result in results.items()})
        return
    _print(results)


def _describe(seconds: float, result: Evaluation) -> dict[str, Any]:
    return {**result.to_dict(), "conversion_seconds": seconds}


def _print(results: dict[str, tuple[float, Evaluation]]) -> None:
    first = next(iter(results.values()))[1]
    steps = sorted({t for _, result in results.values() for t in result.metric})
    rows = [["ANN", percent(first.ann), *[""] * (len(steps) - 1), ""]]
    rows += [
        [name, *(percent(result.metric[t]) if t in result.metric else "" for t in steps), f"{seconds:.1f} s"]
        for name, (seconds, result) in results.items()
    ]
    title = f"Top-1 % on {first.images} test digits after T time steps"
    print_table(title, ["method", *(f"T={t}" for t in steps), "conversion"], rows)
    others = ", ".join(name for name, kind in methods.items() if kind.needs_training)
    click.echo(f"Not shown, for networks trained for them (isospike train): {others}")
    click.echo("Next: isospike inspect torchvision:resnet18; isospike methods; isospike convert --help")

"""The options of ``isospike evaluate`` that let images leave early."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import click

from isospike.cli.data import DataOptions
from isospike.cli.progress import Stream, shown
from isospike.comparison.disjoint import shared_images
from isospike.comparison.identity import image_digests
from isospike.data.reading import read_batches
from isospike.errors import OptionError
from isospike.executors import ExitRule
from isospike.executors.exits import DynamicConfidence, exits
from isospike.measure import ExitChoice, choose_threshold
from isospike.network import SNN

F = TypeVar("F", bound=Callable[..., Any])


def exit_options(command: F) -> F:
    """``--exit`` and what belongs to it."""
    choices = [
        click.option("--exit", type=click.Choice(list(exits)), help="Let an image leave when it is sure enough."),
        click.option("--threshold", type=float, help="Bound of the exit rule's score, 0 to 1."),
        click.option("--temperature", type=float, help="Divides the summed outputs [default: 8; dynamic: steps]."),
        click.option("--choose-on", help="Choose the threshold on these data, never on those of --data."),
        click.option(
            "--max-drop", type=float, help="Share of right answers that the choice may lose, 0 to 1 [default: 0]."
        ),
    ]
    for choice in reversed(choices):
        command = choice(command)
    return command


@dataclass(frozen=True)
class ExitOptions:
    """Their values."""

    exit: str | None
    threshold: float | None
    temperature: float | None
    choose_on: str | None
    max_drop: float | None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            OptionError: options without ``--exit``, or not exactly one source of the threshold.
        """
        given = [field.name for field in fields(self)[1:] if getattr(self, field.name) is not None]
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        if self.exit is None and given:
            raise OptionError(f"{flags} given without --exit; say which rule: {', '.join(exits)}")
        if self.exit is not None and (self.threshold is None) == (self.choose_on is None):
            found = "neither" if self.threshold is None else "both"
            raise OptionError(f"--exit takes its threshold from --threshold or --choose-on, {found} given; give one")
        if self.max_drop is not None and self.choose_on is None:
            raise OptionError("--max-drop belongs to --choose-on; leave it out with --threshold")
        if self.temperature is not None and self.exit == DynamicConfidence.name():
            raise OptionError(f"--temperature does not apply to {self.exit}: it divides by the largest number of steps")

    def rule(
        self, snn: SNN, data: DataOptions, reported: Iterable[Any], *, steps: int, **how: Any
    ) -> tuple[ExitRule | None, ExitChoice | None]:
        """The exit rule for at most ``steps`` steps, and the choice where its threshold was chosen.

        Args:
            snn: the network.
            data: how ``--choose-on`` is opened.
            reported: the images of ``--data``, which must be others.
            steps: largest number of steps.
            how: ``executor`` and ``memory_budget`` of `choose_threshold`.

        Raises:
            OptionError: a value is out of its range.
            DataError: the threshold would be chosen on the reported images.
        """
        if self.exit is None:
            return None, None
        rule = self._given(exits[self.exit], steps)
        if self.choose_on is None:
            return rule, None
        opened = replace(data, data=self.choose_on).open("calibration", preprocess=snn.preprocess, shuffle=True)
        images = Stream(opened.loader, opened.device, dtype=snn.reference_tensor.dtype)
        shared_images({"--choose-on": _digests(images), "--data": _digests(reported)})
        drop = 0.0 if self.max_drop is None else self.max_drop
        choice = choose_threshold(snn, images, steps=steps, rule=rule, max_drop=drop, progress=shown(), **how)
        return choice.rule, choice

    def _given(self, kind: type[ExitRule], steps: int) -> ExitRule:
        """The rule as given; any threshold where it is to be chosen."""
        values: dict[str, Any] = {} if self.temperature is None else {"temperature": self.temperature}
        if kind is DynamicConfidence:
            values["horizon"] = steps
        return kind(0.5 if self.threshold is None else self.threshold, **values)


def _digests(batches: Iterable[Any]) -> list[bytes]:
    return [digest for given in read_batches(batches) for digest in image_digests(given.by_sample)]

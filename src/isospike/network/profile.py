"""What is known of a network besides its graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from isospike.data.preprocess import Preprocess
from isospike.network.readout import ReadOut
from isospike.tasks import Task


@dataclass(frozen=True)
class Provenance:
    """How a network was made."""

    method: str
    """Name of the conversion method."""
    options: dict[str, Any] = field(default_factory=dict)
    """Its options, as JSON has them."""
    papers: tuple[str, ...] = ()
    """BibTeX keys of what was used."""
    silent: dict[str, int] = field(default_factory=dict)
    """By site, how many of its thresholds came out as zero, for want of a positive current during calibration; they are
    the largest of the site, or of the network where a site has no other."""
    sites: str = "rectifiers"
    """Where neurons stand: in the place of ``rectifiers`` alone, or in front of all ``products`` too."""
    driven: dict[str, float] = field(default_factory=dict)
    """By where they may stand, the part of the multiply-accumulates behind the first layer that spikes drive."""
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    """What is approximate: by function that is a table from code to code, its number of entries by the site in front;
    the largest where it differs by channel."""


@dataclass(frozen=True)
class Profile:
    """All that goes with a graph to make a network of it."""

    provenance: Provenance
    """How it was made."""
    preprocess: Preprocess | None = None
    """How images become inputs, when known."""
    readout: ReadOut = field(default_factory=ReadOut)
    """How the outputs of the steps of a streaming network become one answer; their mean by default."""
    task: Task | None = None
    """What its answers are for; ``None``: what its outputs look like."""

"""The format of `isospike.load`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isospike.network import SNN
from isospike.targets.artefact.saving import save
from isospike.targets.exporter import Exporter, register_exporter


@register_exporter("snn")
@dataclass(frozen=True, kw_only=True)
class SNNFile(Exporter):
    """The network itself, to be read by isospike anywhere: a .snn file, as `SNN.save` writes it."""

    suffix = ".snn"

    def write(self, snn: SNN, path: Path) -> None:
        """See `isospike.targets.artefact`."""
        save(snn, path)

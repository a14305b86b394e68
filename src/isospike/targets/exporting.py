"""A network in, a file of any format out."""

from __future__ import annotations

from pathlib import Path

from isospike.errors import OutputError, SimulationError
from isospike.files import check_writable, replacing
from isospike.messages import with_article
from isospike.network import SNN
from isospike.targets.exporter import Exporter, exporters


def export(snn: SNN, path: str | Path, format: str | Exporter) -> None:
    """Write a network to a file, beside the target first and then renamed.

    Args:
        snn: the network; it is not changed.
        path: the file, with the ending of the format.
        format: name of a format (see ``isospike.targets.exporters``), or an instance with options.

    Raises:
        SimulationError: no `SNN`.
        UnknownNameError: no such format.
        OutputError: the path has another ending or cannot be written.
        ArtefactError: the format has no words for something in the network.
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; export takes what isospike.convert or load gives")
    exporter = format if isinstance(format, Exporter) else exporters[format]()
    check_ending(path, exporter)
    with replacing(path) as part:
        exporter.write(snn, part)


def check_ending(path: str | Path, exporter: Exporter | type[Exporter]) -> None:
    """Refuse a path that cannot be written, or whose ending is not that of the format.

    Raises:
        OutputError: so it is.
    """
    check_writable(path)
    if Path(path).suffix != exporter.suffix:
        raise OutputError(f"{path} does not end in {exporter.suffix}, as files of this format do; give another name")

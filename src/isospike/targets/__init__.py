"""Networks as files: formats by name."""

from isospike.targets.exporter import Exporter as Exporter
from isospike.targets.exporter import exporters as exporters
from isospike.targets.exporter import register_exporter as register_exporter
from isospike.targets.exporting import export as export
from isospike.targets.snn_file import SNNFile as SNNFile

"""Capture: any ``nn.Module`` as a verified graph of plain modules with a role for every op."""

from isospike.capture.capture import capture
from isospike.capture.fold import fold_batch_norm
from isospike.capture.graph import Graph, Op
from isospike.capture.inspect import Inspection, inspect
from isospike.ops import Role

__all__ = ["Graph", "Inspection", "Op", "Role", "capture", "fold_batch_norm", "inspect"]

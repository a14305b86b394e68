"""Capture: any ``nn.Module`` as a verified graph of plain modules with a role for every op."""

from isospike.graphs.capturing import capture
from isospike.graphs.fold import fold_batch_norm
from isospike.graphs.graph import Graph
from isospike.graphs.op import Op
from isospike.ops import Role

__all__ = ["Graph", "Op", "Role", "capture", "fold_batch_norm"]

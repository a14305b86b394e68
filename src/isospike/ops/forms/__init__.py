"""Other ways to write what a neuron, a layer or a pool computes, brought into one form before the graph is raised."""

from isospike.ops.forms.forms import rewrite
from isospike.ops.forms.rewriter import Rewriter

__all__ = ["Rewriter", "rewrite"]

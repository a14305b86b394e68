"""One role for every ATen op, by the identity of the op.

The table is closed: an op that is not in it is ``unsupported``. It is also the list of ops that a ``.snn``
file may name, so loading a file can call nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from torch import fx
from torch.utils import _pytree as pytree


class Role(enum.StrEnum):
    """What becomes of an op when the network is converted."""

    INPUT = "input"
    """The network's input."""
    LINEAR = "linear"
    """Affine in the activations: applied to currents and spikes as it is (additive over time)."""
    ACTIVATION = "activation"
    """ReLU, ReLU with a ceiling or a trainable activation: becomes a neuron."""
    MAX_POOL = "max_pool"
    """Maximum over windows: handled by a pooling rule."""
    ANALOGUE = "analogue"
    """Not affine: computed on the decoded value, an analogue island."""
    UNSUPPORTED = "unsupported"
    """No rule exists."""


CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})

ALIASES = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "_prelu_kernel": "prelu",
    "_unsafe_view": "view",
    "clip": "clamp",
}
"""Names that the exporter gives to ops that have a public one."""

RESHAPES = frozenset({"view", "reshape", "flatten", "unflatten"})

NO_OPS = frozenset(
    {"clone", "contiguous", "alias", "detach", "dropout", "feature_dropout", "alpha_dropout", "lift_fresh_copy"}
)

MAX_POOLS = frozenset({"max_pool1d", "max_pool2d", "max_pool3d"})

ADAPTIVE_MAX_POOLS = frozenset({"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"})

RECTIFIERS = frozenset({"relu", "relu6", "hardtanh", "clamp", "clamp_min", "threshold"})
"""Activations when their lower bound is zero; analogue otherwise."""

TRAINABLE = frozenset({"qcfs", "qrelu", "slip_relu", "clip"})
"""Operators of isospike's trainable activations; analogue when their bound is computed from the input."""

PRODUCTS = frozenset({"mul", "matmul", "mm", "bmm", "div"})
"""Linear when all operands but one (for ``div`` the divisor) are constant and none is rounded; analogue otherwise."""

PARAMETRIC = CONVOLUTIONS | {"batch_norm", "linear"}
"""Linear when weights and bias are constant; analogue otherwise."""

ALWAYS_LINEAR = (
    RESHAPES
    | NO_OPS
    | frozenset(
        {
            *("add", "sub", "rsub", "neg", "sum", "mean", "cat", "stack", "cumsum"),
            *("avg_pool1d", "avg_pool2d", "avg_pool3d"),
            *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
            *("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact2d"),
            *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
            *("pad", "constant_pad_nd", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
            *("permute", "transpose", "squeeze", "unsqueeze", "slice", "select", "narrow", "index_select"),
            *("split", "split_with_sizes", "chunk", "unbind", "roll", "flip", "movedim", "t"),
        }
    )
)

ALWAYS_ANALOGUE = frozenset(
    {
        *("sigmoid", "hardsigmoid", "log_sigmoid", "tanh", "softmax", "log_softmax"),
        *("gelu", "silu", "hardswish", "mish", "softplus", "softsign", "elu", "selu", "celu", "leaky_relu"),
        *("prelu", "hardshrink", "softshrink", "abs", "exp", "log", "log1p", "sqrt", "rsqrt"),
        *("pow", "square", "reciprocal", "sin", "cos", "sign", "maximum", "minimum", "amax", "amin", "clamp_max"),
        *("layer_norm", "group_norm", "instance_norm", "rms_norm"),
        *("var", "std", "linalg_vector_norm", "norm", "einsum", "baddbmm", "addmm", "prod", "logsumexp"),
        *("scaled_dot_product_attention", "local_response_norm", "erf", "expm1"),
    }
)

KNOWN = ALWAYS_LINEAR | ALWAYS_ANALOGUE | MAX_POOLS | ADAPTIVE_MAX_POOLS | RECTIFIERS | PRODUCTS | PARAMETRIC
"""Every op with a rule; the only ATen ops a captured or loaded network may call."""


AVERAGE_POOLS = frozenset({f"{kind}avg_pool{axes}d" for kind in ("", "adaptive_") for axes in (1, 2, 3)})

CALLS = KNOWN - MAX_POOLS - ADAPTIVE_MAX_POOLS - AVERAGE_POOLS - NO_OPS - PARAMETRIC
"""What a captured graph calls without a module. Pools and layers are modules; a layer whose weights depend on the input
mixes the samples of a batch."""


def base_role(op: str) -> Role:
    """The role of ATen op ``op`` when all its parameters are constant, e.g. ``conv2d`` -> ``linear``."""
    if op in ALWAYS_LINEAR or op in PARAMETRIC or op in PRODUCTS:
        return Role.LINEAR
    if op in RECTIFIERS or op in TRAINABLE:
        return Role.ACTIVATION
    if op in MAX_POOLS or op in ADAPTIVE_MAX_POOLS:
        return Role.MAX_POOL
    if op in ALWAYS_ANALOGUE:
        return Role.ANALOGUE
    return Role.UNSUPPORTED


def call_role(kind: str, node: fx.Node, varies: Callable[[fx.Node], bool]) -> tuple[Role, str]:
    """The role of a call that no module computes, and why where the op alone does not say it.

    Args:
        kind: its ATen name.
        node: the call.
        varies: whether a node's value depends on the input.
    """
    leaves = pytree.arg_tree_leaves(*node.args, **node.kwargs)
    operands = [leaf for leaf in leaves if isinstance(leaf, fx.Node) and varies(leaf)]
    if kind in RECTIFIERS:
        return Role.ANALOGUE, "it is no ReLU, which is bounded by 0 from below alone, or also from above"
    if kind in TRAINABLE:
        return Role.ANALOGUE, "its bound is computed from the input"
    if kind in PARAMETRIC:
        return Role.ANALOGUE, "its weights are computed from the input"
    if kind in PRODUCTS and (len(operands) > 1 or (kind == "div" and node.args[0] not in operands)):
        return Role.ANALOGUE, "a product of two activations"
    if kind == "div" and node.kwargs.get("rounding_mode") is not None:
        return Role.ANALOGUE, "it rounds the quotient"
    return base_role(kind), ""

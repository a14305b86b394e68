"""The records of all ops, family by family."""

from __future__ import annotations

from torch import Tensor, nn

from isospike.activations import activations
from isospike.ops import channels, family, layers, pools, rectifiers, rules
from isospike.ops.family import Family
from isospike.ops.record import Arguments, OpRecord
from isospike.ops.registry import table
from isospike.ops.role import Role


def _plain(kind: Family, *names: str) -> None:
    """Ops of which nothing is known but their family."""
    for name in names:
        table.register(OpRecord(name, kind))


def _unbound(a: Arguments, value: Tensor) -> int:
    return int(value.shape[a.get("dim", 0)])


def _chunks(a: Arguments, value: Tensor) -> int:
    return min(int(value.shape[a.get("dim", 0)]), int(a["chunks"]))


def _pieces(a: Arguments, value: Tensor) -> int:
    size = a.get("split_size")
    return int(value.shape[a.get("dim", 0)]) // max(1, size) if isinstance(size, int) else 1


_plain(family.IDENTITY, "clone", "contiguous", "alias", "detach", "lift_fresh_copy")
_plain(family.IDENTITY, "dropout", "feature_dropout", "alpha_dropout")
_plain(family.IDENTITY, "_assert_tensor_metadata")
_plain(family.CAST, "_to_copy", "to", "type_as")
_plain(family.CREATION, "zeros", "ones", "full", "arange", "linspace", "scalar_tensor", "eye")
_plain(family.CREATION, "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
_plain(family.CONSTANT, "batch_constant")

for _name in ("reshape", "flatten", "unflatten"):
    table.register(OpRecord(_name, family.RESHAPE, channels=channels.regrouped))
table.register(OpRecord("view", family.RESHAPE, aliases=("_unsafe_view",), channels=channels.regrouped))
table.register(OpRecord("transpose", family.MOVE, channels=channels.transposed))
table.register(OpRecord("squeeze", family.MOVE, channels=channels.regrouped))
_plain(family.MOVE, "getitem", "t", "slice", "select", "narrow", "split_with_sizes")
table.register(OpRecord("roll", family.MOVE, needs_axes="dims"))
_plain(family.MOVE, "flip", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
_plain(family.MOVE, "repeat", "expand", "repeat_interleave", "unfold")
table.register(OpRecord("tile", family.MOVE, free_axes=True))
table.register(OpRecord("permute", family.MOVE, free_axes=True, channels=channels.permuted))
table.register(OpRecord("movedim", family.MOVE, free_axes=True))
table.register(OpRecord("unsqueeze", family.MOVE, new_axis=True, channels=channels.regrouped))
table.register(OpRecord("index_select", family.MOVE, whole="index", selects=True))
table.register(OpRecord("split", family.MOVE, parts=_pieces))
table.register(OpRecord("chunk", family.MOVE, parts=_chunks))
table.register(OpRecord("unbind", family.MOVE, parts=_unbound))
table.register(OpRecord("upsample_nearest1d", family.MOVE, resizes=True))
table.register(OpRecord("upsample_nearest2d", family.MOVE, resizes=True))
table.register(OpRecord("upsample_nearest3d", family.MOVE, resizes=True))
table.register(OpRecord("_upsample_nearest_exact1d", family.MOVE, resizes=True))
table.register(OpRecord("_upsample_nearest_exact2d", family.MOVE, resizes=True))
table.register(OpRecord("_upsample_nearest_exact3d", family.MOVE, resizes=True))
table.register(OpRecord("constant_pad_nd", family.FILL, fill=2))
table.register(OpRecord("pad", family.FILL, fill=3))
table.register(OpRecord("im2col", family.FILL))
table.register(OpRecord("cat", family.JOIN))
table.register(OpRecord("stack", family.JOIN, new_axis=True))

_plain(family.ADD, "add", "sub", "rsub")
_plain(family.SCALE, "mul", "neg")
table.register(OpRecord("div", family.SCALE, rule=rules.quotient, divides=True))
_plain(family.PRODUCT, "matmul", "mm", "bmm")
table.register(OpRecord("sum", family.REDUCE))
table.register(OpRecord("mean", family.REDUCE, averages=True))
_plain(family.ACCUMULATE, "cumsum", "col2im")
_plain(family.PRODUCT, "einsum")
for _name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
    table.register(OpRecord(_name, family.CONVOLUTION, build=layers.convolution, channels=channels.first))
table.register(OpRecord("linear", family.DENSE, build=layers.linear, channels_last=True))
table.register(
    OpRecord(
        "batch_norm",
        family.AFFINE,
        aliases=("_native_batch_norm_legit_no_training",),
        build=layers.batch_norm,
        channels=channels.first,
        first_only=True,
    )
)
table.register(OpRecord("upsample_linear1d", family.INTERPOLATE, resizes=True))
table.register(OpRecord("upsample_bilinear2d", family.INTERPOLATE, resizes=True))
table.register(OpRecord("upsample_bicubic2d", family.INTERPOLATE, resizes=True))
table.register(OpRecord("upsample_trilinear3d", family.INTERPOLATE, resizes=True))
table.register(OpRecord("_upsample_bilinear2d_aa", family.INTERPOLATE, resizes=True))
table.register(OpRecord("_upsample_bicubic2d_aa", family.INTERPOLATE, resizes=True))

table.register(OpRecord("avg_pool1d", family.AVERAGE_POOL, build=pools.average_pool(nn.AvgPool1d), keeps_zeros=True))
table.register(OpRecord("avg_pool2d", family.AVERAGE_POOL, build=pools.average_pool(nn.AvgPool2d), keeps_zeros=True))
table.register(OpRecord("avg_pool3d", family.AVERAGE_POOL, build=pools.average_pool(nn.AvgPool3d)))
table.register(OpRecord("adaptive_avg_pool1d", family.AVERAGE_POOL, build=pools.adaptive(nn.AdaptiveAvgPool1d)))
table.register(OpRecord("adaptive_avg_pool2d", family.AVERAGE_POOL, build=pools.adaptive(nn.AdaptiveAvgPool2d)))
table.register(OpRecord("adaptive_avg_pool3d", family.AVERAGE_POOL, build=pools.adaptive(nn.AdaptiveAvgPool3d)))
table.register(OpRecord("max_pool1d", family.MAX_POOL, build=pools.max_pool(nn.MaxPool1d)))
table.register(OpRecord("max_pool2d", family.MAX_POOL, build=pools.max_pool(nn.MaxPool2d)))
table.register(OpRecord("max_pool3d", family.MAX_POOL, build=pools.max_pool(nn.MaxPool3d)))
for _kind in (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d):
    _name = f"adaptive_max_pool{_kind.__name__[-2:]}"
    table.register(OpRecord(_name, family.MAX_POOL, build=pools.adaptive(_kind), first_only=True))

table.register(OpRecord("relu", family.RECTIFIER, build=rectifiers.relu))
table.register(OpRecord("relu6", family.RECTIFIER, build=rectifiers.relu6))
table.register(OpRecord("hardtanh", family.RECTIFIER, build=rectifiers.clamp))
table.register(OpRecord("clamp", family.RECTIFIER, aliases=("clip",), build=rectifiers.clamp))
table.register(OpRecord("clamp_min", family.RECTIFIER, build=rectifiers.clamp))
table.register(OpRecord("clamp_max", family.RECTIFIER, build=rectifiers.clamp))
table.register(OpRecord("threshold", family.RECTIFIER, build=rectifiers.threshold))
table.register(OpRecord("leaky_relu", family.RECTIFIER, build=rectifiers.leaky))
table.register(
    OpRecord(
        "rrelu",
        family.RECTIFIER,
        build=rectifiers.at_rest,
        rule=rules.always(Role.UNSUPPORTED, "random in inference; the model must be deterministic"),
    )
)
table.register(OpRecord("prelu", family.RECTIFIER, aliases=("_prelu_kernel",), build=rectifiers.parametric))
table.register(OpRecord("abs", family.RECTIFIER, build=rectifiers.absolute, never_negative=True))
table.register(OpRecord("softshrink", family.RECTIFIER, build=rectifiers.soft_shrink))
for _name in activations:
    table.register(OpRecord(_name.replace("-", "_"), family.TRAINABLE, build=rectifiers.trainable(_name)))

_plain(family.SITE, "signed_site")

for _name in ("sigmoid", "hardsigmoid", "exp", "exp2", "square", "softplus", "sqrt", "rsqrt"):
    table.register(OpRecord(_name, family.POINTWISE, never_negative=True))
table.register(OpRecord("gelu", family.POINTWISE, cut=-4.0))
table.register(OpRecord("silu", family.POINTWISE, cut=-8.0))
table.register(OpRecord("mish", family.POINTWISE, cut=-8.0))
table.register(OpRecord("hardswish", family.POINTWISE, cut=-3.0))
_plain(family.POINTWISE, "log_sigmoid", "tanh")
_plain(family.POINTWISE, "elu", "selu", "celu", "hardshrink")
_plain(family.POINTWISE, "log", "log1p", "pow", "reciprocal", "sin", "cos")
_plain(family.POINTWISE, "sign", "erf", "expm1", "maximum", "minimum", "round")
_plain(family.POINTWISE, "floor", "ceil", "trunc", "frac", "heaviside", "fmod", "remainder", "fmax", "fmin")
_plain(family.POINTWISE, "log2", "log10", "logit", "erfinv", "tan", "asin", "acos", "atan", "sinh", "cosh")
_plain(family.POINTWISE, "atan2", "hypot", "logaddexp")
_plain(family.STATISTIC, "amax", "amin", "var", "std", "linalg_vector_norm", "norm", "prod", "logsumexp")
table.register(OpRecord("instance_norm", family.NORMALISE, channels=channels.first))
table.register(OpRecord("rms_norm", family.NORMALISE, channels=channels.normalised))
table.register(OpRecord("softmax", family.NORMALISE, aliases=("_softmax",), never_negative=True))
table.register(OpRecord("log_softmax", family.NORMALISE, aliases=("_log_softmax",)))
table.register(OpRecord("layer_norm", family.NORMALISE, aliases=("native_layer_norm",), channels=channels.normalised))
table.register(OpRecord("group_norm", family.NORMALISE, aliases=("native_group_norm",), channels=channels.first))
table.register(OpRecord("embedding", family.LOOKUP, whole="indices", channels_last=True))
_plain(family.LOGIC, "gt", "ge", "lt", "le", "eq", "ne", "logical_not", "logical_and", "logical_or", "logical_xor")
_plain(family.LOGIC, "bitwise_not", "bitwise_and", "bitwise_or", "bitwise_xor", "__and__", "__or__", "__xor__")
table.register(OpRecord("where", family.CHOICE, whole="condition"))
table.register(OpRecord("masked_fill", family.CHOICE, whole="mask"))
for _name in ("addmm", "baddbmm"):  # those with factors of their own; `ops/forms/products.py` has the others
    table.register(OpRecord(_name, family.PRODUCT, rule=rules.always(Role.ANALOGUE)))
table.register(OpRecord("scaled_dot_product_attention", family.ATTENTION, whole="attn_mask"))

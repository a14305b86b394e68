"""A captured graph must compute what the model computes, at two batch sizes, each sample by itself."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from isospike.errors import CaptureError
from isospike.graphs.explain import own_failure
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs, called, concatenated, converted, mapped
from isospike.messages import one_line

RELATIVE_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Of the largest output: the raised graph runs the same kernels, but kernels may choose another order of
summation for another batch size; 1e-4 is about 1000 roundings of float32."""


def verify_capture(model: nn.Module, graph: Graph, example: Inputs, *, rounding: torch.dtype | None = None) -> None:
    """Compare graph and model on the example, on one more sample, and on the first and the last sample alone.

    Args:
        model: the model.
        graph: what was captured of it.
        example: a batch ``[B, ...]``.
        rounding: the number format with the fewest digits that the model casts to, which the graph does not.

    Raises:
        CaptureError: one of them fails, an output differs, or the result for one sample depends on the others in the
            batch.
    """
    larger = concatenated([example, mapped(example[:1], _halved)])
    with torch.no_grad():
        expected = _outputs(model, larger)
        if any(output.dim() == 0 for output in expected):
            raise CaptureError(
                "an output of the model is one number for the whole batch; return one value for every sample, without "
                "the sum or mean over the batch"
            )
        for count in dict.fromkeys((len(example), 1)):
            part = example[:count]
            _compare(_outputs(model, part), _outputs(graph, part), f"batch of {count}", rounding)
        whole = _outputs(graph, larger)
        _compare(expected, whole, f"batch of {len(larger)}", rounding)
        if not _treats_samples_alone(graph, larger, whole) and not _is_rounding(graph, larger):
            raise CaptureError(
                "the model's output for one sample depends on the other samples in the batch; "
                "isospike converts networks that treat every sample by itself"
            )


def _halved(tensor: Tensor) -> Tensor:
    """Another sample of the same kind: tokens and masks are those of the first."""
    return tensor / 2 if tensor.is_floating_point() else tensor


def _treats_samples_alone(graph: Graph, batch: Inputs, whole: list[Tensor]) -> bool:
    first, last = _outputs(graph, batch[:1]), _outputs(graph, batch[-1:])
    return all(
        _close(expected[: len(head)], head) and _close(expected[-len(tail) :], tail)
        for expected, head, tail in zip(whole, first, last, strict=True)
    )


def _is_rounding(graph: Graph, batch: Inputs) -> bool:
    """Whether samples are treated alone in float64.

    Another batch size is summed in another order; a deep network makes more than 1e-4 of it, and a quantised activation
    a whole step. Float64 tells that from a dependence between samples.
    """
    exact, wide = copy.deepcopy(graph).double(), mapped(batch, lambda x: converted(x, torch.float64))
    return _treats_samples_alone(exact, wide, _outputs(exact, wide))


def _compare(expected: list[Tensor], got: list[Tensor], where: str, rounding: torch.dtype | None) -> None:
    for index, (a, b) in enumerate(zip(expected, got, strict=True)):
        if not _close(a, b, rounding):
            error = (a.double() - b.double()).abs().max().item() if a.shape == b.shape else float("nan")
            raise CaptureError(
                f"the captured graph differs from the model on a {where}: output {index}, largest error {error:.3g}; "
                + _cause(a, b)
            )


def _cause(expected: Tensor, got: Tensor) -> str:
    """What may be the reason of a difference."""
    if expected.shape == got.shape and bool(got.isnan().any()):
        return "does a mask silence a whole row, whose softmax is not a number? let every row see one place"
    return "is the model deterministic, and does it not ask how large the batch is?"


def _close(a: Tensor, b: Tensor, rounding: torch.dtype | None = None) -> bool:
    if a.shape != b.shape:
        return False
    if not a.is_floating_point():
        return bool(torch.equal(a, b))
    finite = a[a.isfinite()]
    scale = finite.abs().max().item() if finite.numel() else 0.0
    relative = max(RELATIVE_TOLERANCE.get(dtype, 1e-4) for dtype in (a.dtype, b.dtype, rounding or a.dtype))
    atol = relative * max(scale, 1e-6)
    return torch.allclose(a.to(b.dtype), b, rtol=0.0, atol=atol, equal_nan=True)


def _outputs(module: nn.Module, batch: Inputs) -> list[Tensor]:
    try:
        own = mapped(batch, Tensor.clone)  # a model may work in place
        output = module(own) if isinstance(module, Graph) else called(module, own)
    except Exception as error:  # the model's code is the user's
        what = "captured graph" if isinstance(module, Graph) else "model"
        why = own_failure(module, batch) or one_line(error)
        raise CaptureError(f"the {what} fails on a batch of {len(batch)}: {why}") from error
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]

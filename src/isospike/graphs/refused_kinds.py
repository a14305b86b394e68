"""Networks that torch.ao has quantised, or prepared for it, do not convert; the line says which network does."""

from __future__ import annotations

from torch import nn

from isospike.errors import CaptureError

_OBSERVING = ("torch.ao.quantization.fake_quantize", "torch.ao.quantization.observer")
_INTEGER = ("torch.ao.nn.quantized.", "torch.ao.nn.intrinsic.quantized.")
"""Where the classes are defined; they are recognised by it, since importing them takes seconds."""
_FLOATING = "torch.ao.nn.quantized.modules.functional_modules"
"""Additions that can be quantised and are not."""


def check_floating(model: nn.Module) -> None:
    """Refuse what computes in int8, and what counts ranges while it runs.

    Raises:
        CaptureError: a layer does.
    """
    places = [(name, type(module).__name__, type(module).__module__) for name, module in model.named_modules()]
    for name, kind, place in places:
        if place.startswith(_INTEGER) and not place.startswith(_FLOATING):
            raise CaptureError(
                f"the model computes in int8 (first: '{name}', a {kind} of torch.ao), where no neuron can be placed; "
                "isospike quantises by itself: convert the network of floats from before torch.ao's convert or "
                "quantize_dynamic"
            )
    for name, kind, place in places:
        if place.startswith(_OBSERVING):
            raise CaptureError(
                f"the model was prepared by torch.ao for its quantisation (first: '{name}', {kind}), which counts on "
                "while it runs; isospike quantises by itself: give its trained weights to the network from before "
                "prepare or prepare_qat, network.load_state_dict(prepared.state_dict(), strict=False), and convert that"
            )

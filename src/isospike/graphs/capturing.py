"""From any exportable ``nn.Module`` to a verified graph of plain modules."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from isospike.errors import CaptureError
from isospike.graphs.buffers import check_buffers, mutated_buffers, unchanged
from isospike.graphs.export import export_program
from isospike.graphs.graph import Graph, Spiking
from isospike.graphs.raise_graph import raise_program
from isospike.graphs.verify import verify_capture
from isospike.graphs.wrappers import unwrapped
from isospike.inputs import Inputs, as_inputs
from isospike.messages import with_article
from isospike.ops.forms.casts import coarsest
from isospike.precision import own_precision


@own_precision()
def capture(model: nn.Module, example: Inputs | Mapping[str, Tensor]) -> Graph:
    """The model as plain named modules, one per call site, each op with its role.

    The model is exported with an open batch axis, raised into modules named after the user's own
    (``layer1.0.conv1``; ``layer1.0.relu`` for a functional ReLU in ``layer1.0``; ``layer1.0.relu#2`` for a second
    call), and compared with the original at two batch sizes. Parameters are copied: the model is untouched. Of
    DataParallel, DistributedDataParallel and ``torch.compile`` the network inside is captured. Casts between number
    formats are left out: the network computes in that of its input.

    Args:
        model: a network in eval mode that takes one tensor, or several by name.
        example: an input batch ``[B, ...]``; of several inputs a mapping of their names to batches. Tokens and masks
            are whole numbers or truth values.

    Raises:
        CaptureError: no module, a spiking network, no tensor, train mode, another device, not exportable, outputs that
            are no numbers of a sample or depend on what an earlier call left in a buffer, or the graph does not equal
            the model.
    """
    if not isinstance(model, nn.Module):
        raise CaptureError(f"the model is {with_article(model)}; give a torch.nn.Module in eval mode")
    spiking = [type(module).__name__ for module in model.modules() if isinstance(module, Spiking)]
    if spiking:
        raise CaptureError(
            f"the model is a spiking network already ({spiking[0]}); give the model that it was converted from, or "
            "run it with isospike.simulate"
        )
    inputs = as_inputs(example)
    if not isinstance(inputs, Inputs):
        raise CaptureError(
            f"the example input is {with_article(example)}; give one tensor [B, ...]; wrap a model "
            "with other inputs in a module whose forward takes one, or give a mapping of tensors by name"
        )
    inner = unwrapped(model)
    program = export_program(inner, inputs)
    check_buffers(program)
    rounding = coarsest(program.graph)
    graph = raise_program(program)
    with unchanged(inner, mutated_buffers(program)):
        verify_capture(inner, graph, inputs, rounding=rounding)
    return graph

"""Padding is left out of what calibration sees, and tells nothing of the answer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.graphs import Role
from isospike.graphs.graph import op_of
from isospike.models.bert import BertEmbedding, BertSizes

SIZES = BertSizes(vocab_size=30, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40)
LENGTH = 9


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    built = BertEmbedding(SIZES).double()
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.4)
    return built.eval()


def rows(tokens: torch.Tensor, length: int) -> dict[str, torch.Tensor]:
    """Tokens ``[B, n]``, padded with token 0."""
    padded = torch.nn.functional.pad(tokens, (0, length - tokens.shape[1]))
    mask = torch.zeros_like(padded)
    mask[:, : tokens.shape[1]] = 1
    return {"input_ids": padded, "attention_mask": mask}


def drawn(length: int = LENGTH - 4) -> torch.Tensor:
    return torch.randint(1, 30, (6, length), generator=torch.Generator().manual_seed(1))


METHODS = {
    "mmse": iso.methods.BitCoded(bits=4, calibrate_bias=False),
    "bias": iso.methods.BitCoded(bits=4),
    "maximum": iso.methods.BitCoded(bits=4, scale="maximum", calibrate_bias=False),
    "percentile": iso.methods.BitCoded(bits=4, scale="percentile", calibrate_bias=False),
    "gaussian": iso.methods.Differential(),
}


@pytest.mark.parametrize("name", METHODS)
def test_thresholds_are_those_without_padding(name: str, model: nn.Module) -> None:
    """All neurons of a network calibrated on padded rows are those of one calibrated on rows without padding."""
    found = []
    for length in (LENGTH - 4, LENGTH):
        how = {"data": [rows(drawn(), length)], "sites": "products", "analogue": "allow"}
        found.append(iso.convert(model, METHODS[name], **how))
    assert found[0].sites == found[1].sites
    for site in found[0].sites:
        for key, expected in found[0].neuron(site).state_dict().items():
            actual = found[1].neuron(site).state_dict()[key]
            # sums in another order; golden sections find a minimum to the root of the rounding
            relative = 1e-6 if name == "gaussian" else 1e-9
            torch.testing.assert_close(actual, expected, rtol=relative, atol=1e-12, msg=f"{site}.{key}")


def test_padding_does_not_change_the_answer(model: nn.Module) -> None:
    snn = iso.convert(model, METHODS["bias"], data=[rows(drawn(), LENGTH)], sites="products", analogue="allow")
    first = rows(drawn(), LENGTH)
    other = {**first, "input_ids": first["input_ids"] + 7 * (1 - first["attention_mask"])}
    torch.testing.assert_close(snn(first), snn(other), rtol=1e-9, atol=1e-12)  # the order of sums


def test_factors_of_the_mask_are_no_products(model: nn.Module) -> None:
    """The mean over tokens multiplies by the mask, which is the same at every step: no neuron stands in front of it."""
    snn = iso.convert(model, METHODS["mmse"], data=[rows(drawn(), LENGTH)], sites="products", analogue="allow")
    assert len(snn.sites) == 8 * SIZES.num_hidden_layers - 1
    assert snn.sites[-1].endswith("gelu_site")


def test_units_belong_to_channels_and_heads(model: nn.Module) -> None:
    snn = iso.convert(model, METHODS["mmse"], data=[rows(drawn(), LENGTH)], sites="products", analogue="allow")
    for node in snn.graph.nodes_with(Role.ACTIVATION):
        size, inner, heads = SIZES.hidden_size, SIZES.intermediate_size, SIZES.num_attention_heads
        name = op_of(node).name
        expected = inner if "gelu" in name else heads if "exp" in name else size
        assert snn.neuron(name).unit.numel() == expected, name

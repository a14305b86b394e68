"""Histograms of codes: exact, streaming, and refused where there are no codes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from isospike.calibrate.codes import count_codes
from isospike.errors import CalibrationError
from isospike.neurons import LearnedActivation


class Rounded(nn.Module):
    """``u clip(floor(z / u + 1/2), 0, L)``, ``u = bound / L``."""

    def __init__(self, bound: Tensor, levels: int | None) -> None:
        super().__init__()
        self.bound, self.levels = nn.Parameter(bound), levels

    def forward(self, z: Tensor) -> Tensor:
        unit = self.bound / self.levels
        return unit * torch.floor(z / unit + 0.5).clamp(0, self.levels)


def network(bound: Tensor, levels: int, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3), Rounded(bound, levels), nn.Flatten(), nn.Linear(48, 5), nn.ReLU()]
    return nn.Sequential(*layers, Rounded(torch.tensor(0.3), 2)).to(dtype).eval()


DATA = torch.randn(12, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
CHANNELS = torch.tensor([0.1, 0.7, 3.0]).view(3, 1, 1)


@given(st.integers(1, 20), st.sampled_from([torch.tensor(0.77), CHANNELS]), st.integers(1, 12))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_counts_are_those_of_the_rounded_currents(levels, bound, batch):
    model = network(bound, levels)
    with torch.no_grad():
        z = model[0](DATA)
        unit = model[1].bound / levels
        codes = torch.floor(z / unit + 0.5).clamp(0, levels).long()
    got = count_codes(model, list(DATA.split(batch)))
    assert list(got) == ["1", "5"]
    assert got["1"].tolist() == [int((codes == k).sum()) for k in range(levels + 1)]
    assert got["5"].sum() == 12 * 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_low_precision_rounds_to_the_same_codes(dtype):
    """Truncation would lose every code k whose a L / bound rounds below k."""
    model = Rounded(torch.tensor(0.77), 16).to(dtype).eval()
    unit = 0.77 / 16
    z = (torch.arange(17).repeat_interleave(3) * unit).to(dtype)
    assert count_codes(model, [z])[""].tolist() == [3] * 17


def test_both_calls_of_a_module_count():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = Rounded(torch.tensor(1.0), 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.act(x) + 1)

    assert count_codes(Twice().eval(), torch.zeros(5, 2))["act"].tolist() == [10, 0, 0, 0, 10]


def test_the_model_is_left_as_it_was():
    model = network(CHANNELS, 4)
    before = model(DATA)
    count_codes(model, DATA)
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(model(DATA), before)
    assert isinstance(model[1], LearnedActivation)
    assert not isinstance(model[4], LearnedActivation)


class Plain(Rounded):
    def forward(self, z: Tensor) -> Tensor:
        return z.clamp(min=0)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (nn.Sequential(nn.ReLU()).eval(), "no quantised activation"),
        (network(CHANNELS, 4).train(), r"call model\.eval\(\)"),
        (network(torch.tensor(-1.0), 4), "bound of '1' is not above zero"),
        (network(torch.tensor(float("nan")), 4), "bound of '1' is not above zero"),
        (nn.Sequential(Rounded(torch.tensor(1.0), 4), Rounded(torch.tensor(1.0), None)).eval(), "'1' has no levels"),
        (nn.Sequential(Plain(torch.tensor(1.0), 4)).eval(), "'0' puts out values that are not on its 4 levels"),
    ],
)
def test_what_has_no_codes_is_refused(model, text):
    with pytest.raises(CalibrationError, match=text):
        count_codes(model, DATA)
    assert not any(module._forward_hooks for module in model.modules())


def test_values_above_the_bound_are_refused():
    with pytest.raises(CalibrationError, match="not on its 4 levels"):
        count_codes(Plain(torch.tensor(1.0), 4).eval(), torch.tensor([[0.0, 1.25]]))

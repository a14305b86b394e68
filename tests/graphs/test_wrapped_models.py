"""Wrappers of training are taken off; networks of torch.ao and detectors get one line that says what converts."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.errors import CaptureError

X = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.quant, self.dequant = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.conv, self.relu, self.fc = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dequant(self.fc(self.relu(self.conv(self.quant(x))).flatten(1)))


@pytest.fixture
def distributed(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield nn.parallel.DistributedDataParallel
    torch.distributed.destroy_process_group()


WRAPPERS = {
    "parallel": nn.DataParallel,
    "compiled": torch.compile,
    "both": lambda model: torch.compile(nn.DataParallel(model)),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_network_is_the_network(wrapper):
    check(WRAPPERS[wrapper])


def test_a_distributed_network_is_the_network(distributed):
    check(distributed)


def check(wrap) -> None:
    plain, wrapped = Net().eval(), wrap(Net()).eval()
    assert iso.inspect(wrapped, X).to_dict() == iso.inspect(plain, X).to_dict()
    method = iso.methods.BitCoded(bits=3)
    snn = iso.convert(wrapped, method, data=[X])
    assert torch.equal(snn(X), iso.convert(plain, method, data=[X])(X))
    assert iso.verify(wrapped, snn, [X]).exact
    assert iso.quantise(wrapped, iso.activations.QCFS(levels=3), data=[X]).sites == ("relu",)


def refused(model: nn.Module, example: torch.Tensor, match: str) -> None:
    with pytest.raises(CaptureError, match=match) as caught:
        iso.inspect(model, example)
    assert "\n" not in str(caught.value)


def eager(*, training: bool) -> nn.Module:
    ao = torch.ao.quantization
    model = Net().train(training)
    model.qconfig = ao.get_default_qat_qconfig("x86") if training else ao.get_default_qconfig("x86")
    prepared = (ao.prepare_qat if training else ao.prepare)(model)
    prepared(X)
    return prepared.eval()


def traced() -> nn.Module:
    from torch.ao.quantization.quantize_fx import prepare_qat_fx

    mapping = torch.ao.quantization.get_default_qat_qconfig_mapping("x86")
    prepared = prepare_qat_fx(Net().train(), mapping, (X,))
    prepared(X)
    return prepared.eval()


def test_networks_of_torch_ao_say_which_network_converts():
    from torch.ao.quantization.quantize_fx import convert_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao is deprecated
        prepared = {"eager QAT": eager(training=True), "eager PTQ": eager(training=False), "FX QAT": traced()}
        integer = {
            "eager": torch.ao.quantization.convert(copy.deepcopy(prepared["eager QAT"])),
            "FX": convert_fx(copy.deepcopy(prepared["FX QAT"])),
            "dynamic": torch.ao.quantization.quantize_dynamic(Net().eval(), {nn.Linear}),
        }
    for model in prepared.values():
        refused(model, X, r"was prepared by torch\.ao .* network from before prepare or prepare_qat")
    for model in integer.values():
        refused(model, X, r"computes in int8 .* convert the network of floats from before")
    assert iso.inspect(Net().eval(), X).converts, "stubs alone change nothing"


class OfDict(nn.Linear):
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return super().forward(batch["pixels"]).relu()


def test_inputs_that_are_no_tensor_get_one_clear_line():
    model = OfDict(6, 2).eval()
    refused(model, X, r"^OfDict\.forward asks its input for 'pixels', so it takes a dict; .*: wrap it in a module")
    refused(model, {"pixels": X}, r"^OfDict\.forward takes \(batch\), the example names pixels; .* wrap it in a module")
    refused(model, (X, X), r"the example input is a tuple; .* wrap a model with other inputs in a module")


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.backbone(x)
        return found if found.max() > 0 else found * 2


def test_a_detector_is_told_of_its_backbone():
    refused(
        Detector().eval(),
        X,
        r"branches on values of its input .*, convert a submodule without it such as model\.backbone, or wrap",
    )
    assert iso.inspect(Detector().eval().backbone, X).converts

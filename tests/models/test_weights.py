from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from isospike.errors import WeightsError
from isospike.models import load_weights


class Command:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def trained() -> dict[str, Tensor]:
    return {key: torch.full_like(value, 3) for key, value in network().state_dict().items()}


def assert_loaded(path: Path) -> None:
    model = network()
    load_weights(model, path)
    assert {float(value.float().mean()) for value in model.state_dict().values()} == {3.0}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".th", ".bin"])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
def test_torch_files(tmp_path: Path, trained: dict[str, Tensor], suffix: str, wrapper: str | None) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(trained if wrapper is None else {wrapper: trained, "epoch": 4}, path)
    assert_loaded(path)


def test_safetensors(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    save_file(trained, tmp_path / "w.safetensors")
    assert_loaded(tmp_path / "w.safetensors")


def test_prefix_of_parallel_training(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    torch.save({"state_dict": {f"module.{key}": value for key, value in trained.items()}}, tmp_path / "w.pt")
    assert_loaded(tmp_path / "w.pt")


def test_a_prefix_that_the_model_has_itself_stays(tmp_path: Path) -> None:
    model = nn.ModuleDict({"module": nn.Linear(1, 1)})
    torch.save({"module.weight": torch.ones(1, 1), "module.bias": torch.ones(1)}, tmp_path / "w.pt")
    load_weights(model, tmp_path / "w.pt")
    assert model["module"].weight.item() == 1.0


def test_counts_of_batch_normalisation_may_be_missing(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    del trained["1.num_batches_tracked"]
    torch.save(trained, tmp_path / "w.pt")
    model = network()
    load_weights(model, tmp_path / "w.pt")
    assert model[1].weight.tolist() == [3.0, 3.0]


def test_one_error_lists_everything(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    del trained["0.bias"]
    trained["0.weight"] = torch.zeros(2, 3, 3, 3)
    trained |= {f"extra{number}": torch.zeros(1) for number in range(13)}
    torch.save(trained, tmp_path / "w.pt")
    model = network()
    before = model[1].weight.clone()
    with pytest.raises(WeightsError) as caught:
        load_weights(model, tmp_path / "w.pt")
    message = str(caught.value)
    assert "missing: 0.bias;" in message
    assert "extra9 and 3 more" in message
    assert "0.weight ([2, 3, 3, 3] in the file, [2, 1, 3, 3] in the model)" in message
    assert "\n" not in message
    assert torch.equal(model[1].weight, before), "nothing is loaded when something does not fit"


def test_code_in_a_file_is_not_run(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    trace, path = tmp_path / "trace", tmp_path / "w.pt"
    torch.save({**trained, "x": Command(f"touch {trace}")}, path)
    with pytest.raises(WeightsError, match="only tensors are loaded"):
        load_weights(network(), path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file is harmless, so the test shows nothing"


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files(tmp_path: Path, trained: dict[str, Tensor], name: str) -> None:
    path = tmp_path / name
    save_file(trained, path) if name.endswith("safetensors") else torch.save(trained, path)
    for content in (path.read_bytes()[:-100], b"", b"no weights"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be read \(\w+\): only tensors are loaded"):
            load_weights(network(), path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "holds a Tensor; it must hold a state dict"),
        ({"epoch": 3, "net": {}}, "holds no state dict: not tensors are epoch, net"),
    ],
)
def test_other_content(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=message):
        load_weights(network(), tmp_path / "w.pt")


def test_missing_file_and_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no weight file '.*none.pt'"):
        load_weights(network(), tmp_path / "none.pt")
    (tmp_path / "w.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"no known ending.*known: \.safetensors \.pth"):
        load_weights(network(), tmp_path / "w.onnx")

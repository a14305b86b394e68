"""Random weights are said; published ones come from the cache of their library, without a network here."""

from __future__ import annotations

import urllib.error
import warnings
from pathlib import Path

import pytest
import torch

from isospike.errors import IsospikeWarning, ModelError, UnknownNameError, WeightsError
from isospike.models import load_model
from isospike.models.source import PUBLISHED

SMALL = {"torchvision": "squeezenet1_1", "timm": "test_efficientnet.r160_in1k"}
"""Small networks with published weights; test_efficientnet is timm's own for tests."""
FILE = "squeezenet1_1-b8a52dc0.pth"


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    """Empty caches, and no network."""
    import huggingface_hub.constants

    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("library", SMALL)
def test_random_weights_are_one_line(library):
    spec = f"{library}:{SMALL[library]}"
    with pytest.warns(IsospikeWarning) as caught:
        assert load_model(spec).weights == "random"
    (line,) = [str(warning.message) for warning in caught if warning.category is IsospikeWarning]
    assert line == f"weights: random; give --weights FILE, or --weights DEFAULT for what {library} publishes"
    with pytest.raises(
        WeightsError, match=rf"^weights: random; no score of {spec} means anything: .*--random-weights$"
    ):
        load_model(spec, untrained="refuse")


def test_the_weights_of_a_factory_are_its_own(tmp_path):
    (tmp_path / "m.py").write_text("from torch import nn\ndef build():\n    return nn.Linear(2, 2)\n")
    spec = f"{tmp_path}/m.py:build"
    with warnings.catch_warnings():
        warnings.simplefilter("error", IsospikeWarning)
        assert load_model(spec, untrained="refuse").weights == "as the factory made them"
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "w.pt")
    assert load_model(spec, weights=tmp_path / "w.pt").weights == f"{tmp_path}/w.pt"
    with pytest.raises(WeightsError, match="is code of your own, for which nobody publishes weights"):
        load_model(spec, weights=PUBLISHED)


def test_torchvision_loads_the_file_in_its_cache(tmp_path):
    import torchvision

    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    trained = torchvision.models.squeezenet1_1()
    torch.save(trained.state_dict(), folder / FILE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", IsospikeWarning)
        loaded = load_model("torchvision:squeezenet1_1", weights=PUBLISHED, untrained="refuse")
    assert loaded.weights == "IMAGENET1K_V1 of torchvision"
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), trained.parameters(), strict=True))


def test_torchvision_says_where_the_file_is_expected(tmp_path):
    with pytest.raises(WeightsError) as caught:
        load_model("torchvision:squeezenet1_1", weights=PUBLISHED)
    assert str(caught.value) == (
        "the weights of torchvision:squeezenet1_1 cannot be loaded; without a network put "
        f"{FILE} into {tmp_path}/torch/hub/checkpoints, or give --weights FILE: URLError: <urlopen error no network>"
    )


def test_timm_loads_the_file_in_its_cache(tmp_path):
    import timm
    from safetensors.torch import save_file

    name = SMALL["timm"]
    folder = tmp_path / "hub" / f"models--timm--{name}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    trained = timm.create_model(name)
    save_file(trained.state_dict(), folder / "snapshots" / "abc" / "model.safetensors")
    loaded = load_model(f"timm:{name}", weights=PUBLISHED)
    assert loaded.weights == "r160_in1k of timm"
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), trained.parameters(), strict=True))


def test_timm_says_where_the_file_is_expected(tmp_path):
    name = SMALL["timm"]
    with pytest.raises(WeightsError) as caught:
        load_model(f"timm:{name}", weights=PUBLISHED)
    message = str(caught.value)
    assert message.startswith(f"the weights of timm:{name} cannot be loaded; without a network copy timm/{name}")
    assert f"into {Path(tmp_path)}/hub/models--timm--{name}, or give --weights FILE: " in message
    assert "\n" not in message


def test_a_model_without_published_weights():
    import timm

    published = {name.partition(".")[0] for name in timm.list_models(pretrained=True)}
    name = next(name for name in timm.list_models("*tiny*") if name not in published)
    with pytest.raises(WeightsError, match=f"timm publishes no weights for '{name}'; give --weights FILE"):
        load_model(f"timm:{name}", weights=PUBLISHED)


def test_a_bare_name_is_told_its_libraries():
    with pytest.raises(ModelError, match=r"'resnet18' does not say where .* timm:resnet18 or torchvision:resnet18\?$"):
        load_model("resnet18")
    with pytest.raises(ModelError, match=r"'xyzzy' does not say where .*; write torchvision:NAME, timm:NAME or FILE"):
        load_model("xyzzy")
    with pytest.raises(UnknownNameError, match="unknown model source 'torchvison'; did you mean torchvision"):
        load_model("torchvison:resnet18")

"""Language models: BERT in plain PyTorch beside Hugging Face's, and folders that hold none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import isospike as iso
from isospike.errors import CaptureError, ModelError, WeightsError
from isospike.inputs import NamedInputs
from isospike.models import load_model
from isospike.models.bert import BertClassifier, BertEmbedding, BertEncoder, BertSizes

SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 16,
}
CONFIG: dict[str, Any] = {"model_type": "bert", "hidden_act": "gelu", "architectures": ["BertModel"], **SIZES}


def tokens(length: int = 7, batch: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 40, (batch, length), generator=generator)
    mask = (torch.arange(length) < torch.tensor([[length], [length - 3], [length - 1]])[:batch]).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


def warmed(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def folder(path: Path, model: torch.nn.Module, config: dict[str, Any] = CONFIG) -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), path / "model.safetensors")
    return path


@pytest.mark.parametrize(
    ("built", "config", "pooled"),
    [
        (BertEncoder(BertSizes(**SIZES)), CONFIG, False),
        (BertEmbedding(BertSizes(**SIZES)), CONFIG, True),
        (
            BertClassifier(BertSizes(**SIZES), 3),
            {**CONFIG, "architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}},
            False,
        ),
    ],
)
def test_a_folder_gives_the_network_that_it_holds(built, config, pooled, tmp_path: Path) -> None:
    place = folder(tmp_path / "m", warmed(built), config)
    if pooled:
        (place / "1_Pooling").mkdir()
        (place / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    loaded = load_model(f"transformers:{place}")
    assert type(loaded.model) is type(built)
    assert torch.equal(loaded.model(**tokens()), built(**tokens()))
    assert loaded.weights == str(place)


@pytest.mark.parametrize("kind", ["BertModel", "BertForSequenceClassification", "DistilBertModel"])
def test_hugging_faces_own_models(kind: str, tmp_path: Path) -> None:
    """What their library builds converts, and a folder of BERT gives the same without it."""
    library = pytest.importorskip("transformers", reason="its own models need the package transformers")
    if kind.startswith("Distil"):
        sizes = {"dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 16}
        config = library.DistilBertConfig(vocab_size=40, **sizes)
    else:
        config = library.BertConfig(**SIZES)
    model = warmed(getattr(library, kind)(config))
    model.save_pretrained(tmp_path / "m")
    loaded = load_model(f"transformers:{tmp_path / 'm'}").model
    outputs = model(**tokens())
    expected = outputs["logits"] if "logits" in outputs else outputs["last_hidden_state"]
    found = loaded(**tokens())
    found = found if isinstance(found, torch.Tensor) else found["last_hidden_state"]
    real = tokens()["attention_mask"].bool() if found.dim() == 3 else slice(None)
    assert torch.allclose(found[real], expected[real], atol=1e-5)  # float32, two forms of attention
    snn = iso.convert(loaded, iso.methods.BitCoded(bits=10), data=[tokens()], sites="products", analogue="allow")
    answer = snn(tokens())
    answer = answer if isinstance(answer, torch.Tensor) else answer["last_hidden_state"]
    error = (answer[real] - expected[real]).norm() / expected[real].norm()
    assert error < 0.02  # 10 bits behind two layers of random weights


WRONG: dict[str, tuple[dict[str, Any] | str | None, type[Exception], str]] = {
    "nothing": (None, ModelError, r"there is no file '.*config.json'; write transformers:FOLDER"),
    "no json": ("{", ModelError, "is no JSON; save the model again"),
    "a list": ("[]", ModelError, "holds no object of options"),
    "no sizes": ({"model_type": "bert", "hidden_act": "gelu", "architectures": ["BertModel"]}, ModelError, "no BERT"),
    "heads": ({**CONFIG, "num_attention_heads": 5}, ModelError, "hidden_size must be a multiple of the heads"),
    "other sizes": ({**CONFIG, "hidden_size": 32}, WeightsError, "does not fit the model; other shapes"),
    "text": ({**CONFIG, "vocab_size": "many"}, ModelError, "vocab_size must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_folders_that_hold_no_model_are_one_line(name: str, tmp_path: Path) -> None:
    config, error, message = WRONG[name]
    place = folder(tmp_path / "m", BertEncoder(BertSizes(**SIZES)))
    (place / "config.json").unlink()
    if config is not None:
        (place / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(error, match=message) as caught:
        load_model(f"transformers:{place}")
    assert "\n" not in str(caught.value)


HOSTILE = {
    "tokens": (
        {"input_ids": torch.full((2, 7), 40)},
        r"takes tokens from 0 to 39, but was given 40 to 40; give the tok",
    ),
    "length": (
        {n: torch.ones(2, 17).long() for n in ("input_ids", "attention_mask")},
        "17 tokens for 16 positions; cut",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_tokens_that_do_not_fit_the_model_are_one_line(name: str) -> None:
    changed, message = HOSTILE[name]
    model = warmed(BertEncoder(BertSizes(**SIZES)))
    with pytest.raises(CaptureError, match=message) as caught:
        iso.capture(model, {**tokens(batch=2), **changed})
    assert "\n" not in str(caught.value)


def test_gelu_gives_way_to_a_trained_activation() -> None:
    """The recipe of the bit-coded paper: QCFS in the place of GELU takes gradients and becomes neurons."""
    model = warmed(BertClassifier(BertSizes(**SIZES), 2))
    qat = iso.quantise(model, iso.activations.QCFS(levels=15), data=[tokens()], replace=("gelu",))
    qat(NamedInputs(tokens())).square().sum().backward()
    assert all(qat.get_submodule(site).log_bound.grad.isfinite().all() for site in qat.sites)
    snn = iso.convert(qat, iso.methods.BitCoded(), data=[tokens()], sites="products", analogue="allow")
    assert sum(site.endswith("gelu") for site in snn.sites) == SIZES["num_hidden_layers"]
    assert snn(tokens()).isfinite().all()

"""The models of the support matrix: every builder of torchvision, families of timm, configurations of transformers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from support_candidate import Built, Candidate
from support_detectors import detectors

SMALL = (96, 128, 160, 192, 224)
"""Sizes of images that are tried, the smallest first, where the model says no size of its own."""
FRAMES = 16

TIMM = (Path(__file__).parent / "support_timm.txt").read_text().split()
"""The smallest member of every family."""


def candidates() -> Iterator[Candidate]:
    """All models of the libraries that are installed."""
    if importlib.util.find_spec("transformers"):
        yield from _of_transformers()
    if importlib.util.find_spec("timm"):
        yield from (Candidate(f"timm:{name}", partial(_timm, name)) for name in TIMM)
    if importlib.util.find_spec("torchvision"):
        yield from _of_torchvision()


def _of_torchvision() -> Iterator[Candidate]:
    from torchvision import models

    yield from (_image_model(name, [_size(name)] * 2) for name in models.list_models(module=models))
    yield from (_image_model(name, [128, 128]) for name in models.list_models(module=models.segmentation))
    yield from (_image_model(name, [FRAMES, *_frame(name)]) for name in models.list_models(module=models.video))
    yield from detectors()


def _image_model(name: str, sizes: Sequence[int]) -> Candidate:
    return Candidate(f"torchvision:{name}", lambda: (_plain(name), _images(sizes)))


def _images(sizes: Sequence[int]) -> Tensor:
    return torch.randn(2, 3, *sizes)


def _plain(name: str) -> Any:
    from torchvision import models

    options: dict[str, Any] = {"weights": None}
    if name in models.list_models(module=models.segmentation) + models.list_models(module=models.detection):
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = True
    torch.manual_seed(0)
    return models.get_model(name, **options).eval()


SIZES = {"vit": 224, "maxvit": 224, "inception_v3": 299, "swin_v2": 256, "swin_": 224}
"""Of images, by the beginnings of names; others take smaller ones."""


def _size(name: str) -> int:
    return next((size for start, size in SIZES.items() if name.startswith(start)), 128)


def _frame(name: str) -> tuple[int, int]:
    return (224, 224) if name.startswith(("mvit", "s3d")) else (64, 64)


def _timm(name: str) -> Built:
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval()
    known: Any = model.default_cfg
    fixed, size = known.get("fixed_input_size", False), known["input_size"][-1]
    for smaller in () if fixed else SMALL:
        if smaller < size and _runs(model, smaller):
            size = smaller
            break
    return model, torch.randn(2, 3, size, size)


@torch.no_grad()
def _runs(model: nn.Module, size: int) -> bool:
    try:
        model(torch.randn(2, 3, size, size))
    except Exception:  # the model's code is another library's: it says only that the size does not fit
        return False
    return True


def _of_transformers() -> Iterator[Candidate]:
    for name, make in TRANSFORMERS.items():
        yield Candidate(f"transformers:{name}", make)


TINY: Mapping[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
}
TEXT: Mapping[str, Any] = {**TINY, "vocab_size": 200, "max_position_embeddings": 66}
VISION: Mapping[str, Any] = {**TINY, "image_size": 64, "patch_size": 16}
AUDIO: Mapping[str, Any] = {
    **TINY,
    "conv_dim": (32, 32),
    "conv_stride": (5, 2),
    "conv_kernel": (10, 3),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def _made(kind: str, inputs: Callable[[], dict[str, Tensor]], **options: Any) -> Callable[[], Built]:
    """A model of transformers, by the beginning of its class names, with a small configuration."""

    def make() -> Built:
        import transformers

        torch.manual_seed(0)
        prefix, _, suffix = kind.partition(".")
        config = getattr(transformers, f"{prefix}Config")(**options)
        model: nn.Module = getattr(transformers, f"{prefix}{suffix}")(config).eval()
        return model, inputs()

    return make


def _tokens() -> dict[str, Tensor]:
    mask = torch.ones(2, 16, dtype=torch.int64)
    mask[1, 11:] = 0
    return {"input_ids": torch.randint(2, 200, (2, 16)), "attention_mask": mask}


def _image() -> dict[str, Tensor]:
    return {"pixel_values": torch.randn(2, 3, 64, 64)}


def _sound() -> dict[str, Tensor]:
    return {"input_values": torch.randn(2, 800)}


DISTILBERT = {"dim": 64, "n_layers": 2, "n_heads": 2, "hidden_dim": 128, "vocab_size": 200}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 2, "vocab_size": 200, "n_positions": 64, "use_cache": False}
SWIN = {"image_size": 64, "patch_size": 4, "embed_dim": 32, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4}
TRANSFORMERS: Mapping[str, Callable[[], Built]] = {
    "bert": _made("Bert.ForSequenceClassification", _tokens, **TEXT),
    "minilm": _made("Bert.Model", _tokens, **{**TEXT, "num_hidden_layers": 6}),
    "distilbert": _made("DistilBert.ForSequenceClassification", _tokens, **DISTILBERT),
    "roberta": _made("Roberta.ForSequenceClassification", _tokens, **TEXT),
    "electra": _made("Electra.ForSequenceClassification", _tokens, **TEXT, embedding_size=64),
    "albert": _made("Albert.ForSequenceClassification", _tokens, **TEXT, embedding_size=32),
    "mpnet": _made("MPNet.ForSequenceClassification", _tokens, **TEXT),
    "gpt2": _made("GPT2.Model", _tokens, **GPT2),
    "llama": _made("Llama.Model", _tokens, **TEXT, num_key_value_heads=2, use_cache=False),
    "t5": _made("T5.EncoderModel", _tokens, vocab_size=200, d_model=64, d_kv=32, d_ff=128, num_layers=2, num_heads=2),
    "vit": _made("ViT.ForImageClassification", _image, **VISION),
    "deit": _made("DeiT.ForImageClassification", _image, **VISION),
    "beit": _made("Beit.ForImageClassification", _image, **VISION),
    "swin": _made("Swin.ForImageClassification", _image, **SWIN),
    "convnext": _made("ConvNext.ForImageClassification", _image, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1]),
    "clip-vision": _made("CLIPVision.Model", _image, **VISION),
    "wav2vec2": _made("Wav2Vec2.ForSequenceClassification", _sound, **AUDIO),
    "hubert": _made("Hubert.ForSequenceClassification", _sound, **AUDIO),
}

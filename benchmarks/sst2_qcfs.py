"""The bit-coded paper's recipe for BERT in small: QCFS in the place of GELU, fine-tuned on SST-2, then converted.

    python benchmarks/sst2_qcfs.py FOLDER SST2.zip --levels 15 --epochs 1 --sentences 2000 --out sst2-qcfs.json

FOLDER and SST2.zip as for ``minilm.py``. The classifier is the encoder of FOLDER with one linear layer behind the mean
over tokens; it is trained with GELU first, then with QCFS, and both are measured on the development sentences.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from isospike.data.table import read_table
from isospike.data.tokenise import Tokenise
from isospike.inputs import NamedInputs
from isospike.models import load_model

Batch = tuple[dict[str, Tensor], Tensor]


class Classifier(nn.Module):
    """Two logits of the mean over tokens."""

    def __init__(self, encoder: nn.Module, size: int) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(size, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(input_ids, attention_mask))
        return logits


def batches(archive: Path, split: str, encode: Any, *, most: int, size: int, seed: int | None) -> Iterator[Batch]:
    rows = read_table(archive / f"{split}.tsv").rows
    order = (
        range(len(rows)) if seed is None else torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    )
    chosen = [rows[int(place)] for place in order][:most]
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        tokens = encode([(text,) for text, _ in part])
        yield {n: tokens[n] for n in ("input_ids", "attention_mask")}, torch.tensor([int(label) for _, label in part])


def trained(model: nn.Module, data: list[Batch], *, epochs: int, rate: float) -> None:
    """AdamW, a rate that falls linearly to zero."""
    search = torch.optim.AdamW(model.parameters(), lr=rate)
    total = epochs * len(data)
    schedule = torch.optim.lr_scheduler.LambdaLR(search, lambda step: 1 - step / total)
    for step in range(total):
        inputs, labels = data[step % len(data)]
        search.zero_grad()
        loss = F.cross_entropy(_answer(model, inputs), labels)
        loss.backward()
        search.step()
        schedule.step()
        print(f"{step + 1}/{total} loss {loss.item():.4f}", flush=True)


def _answer(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    logits: Tensor = model(NamedInputs(inputs)) if isinstance(model, iso.Graph) else model(**inputs)
    return logits


@torch.no_grad()
def accuracy(model: nn.Module, data: list[Batch]) -> float:
    right = sum(int((_answer(model, inputs).argmax(1) == labels).sum()) for inputs, labels in data)
    return right / sum(len(labels) for _, labels in data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--levels", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=2000, help="for training")
    parser.add_argument("--measured", type=int, default=872, help="development sentences")
    parser.add_argument("--length", type=int, default=48)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    encoder = load_model(f"transformers:{wanted.folder}").model
    size = json.loads((wanted.folder / "config.json").read_text())["hidden_size"]
    encode = Tokenise(str(wanted.folder / "tokenizer.json"), wanted.length).open()
    how: dict[str, Any] = {"encode": encode, "size": 32}
    data = list(batches(wanted.archive, "train", most=wanted.sentences, seed=0, **how))
    held_out = list(batches(wanted.archive, "dev", most=wanted.measured, seed=None, **how))
    model = Classifier(encoder, size)
    trained(model, data, epochs=wanted.epochs, rate=wanted.rate)
    found: dict[str, Any] = {
        "levels": wanted.levels,
        "sentences": len(data) * 32,
        "gelu": accuracy(model.eval(), held_out),
    }
    qat = iso.quantise(model, iso.activations.QCFS(levels=wanted.levels), data=data[:8], replace=("gelu",))
    found["qcfs untrained"] = accuracy(qat, held_out)
    trained(qat, data, epochs=wanted.epochs, rate=wanted.rate)
    found["qcfs trained"] = accuracy(qat, held_out)
    method = iso.methods.BitCoded(levels=wanted.levels)
    snn = iso.convert(qat, method, data=data[:8], sites="products", analogue="allow", task="classification")
    result = iso.evaluate(snn, held_out)
    print(result)
    found["spiking"] = result.to_dict()
    wanted.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

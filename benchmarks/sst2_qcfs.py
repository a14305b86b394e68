"""The bit-coded paper's recipe for BERT in small: QCFS in the place of GELU, fine-tuned on SST-2, then bit-coded.

    python benchmarks/sst2_qcfs.py FOLDER SST2.zip --out benchmarks/results/sst2 --work WORK

FOLDER and SST2.zip as for ``minilm.py``. The classifier is the encoder of FOLDER with one linear layer behind the mean
over tokens. It is trained with GELU, then from there for every number of steps with QCFS of ``2^T - 1`` levels, and
what is learned spikes. Trainings write their state into WORK every few steps and rows their figures into a file each,
so the same command goes on where it was interrupted. All 6,920 training sentences are used, nothing is chosen on the
others.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
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
from machine import processor

Batch = tuple[dict[str, Tensor], Tensor]
LENGTH, BATCH = 48, 32
"""Tokens of a row, which holds 99 % of the sentences; sentences of a batch."""
CALIBRATION = 8
"""Training batches that give bounds and thresholds."""
RATE, WARM_UP = 5e-5, 0.1
"""Largest rate of AdamW and the share of the training in which it rises."""
GELU_EPOCHS, QCFS_EPOCHS = 2, 1
KEPT_EVERY = 20
STEPS = (16, 4, 3)
SPLITS = ("dev", "test")


class Classifier(nn.Module):
    """Two logits of the mean over tokens."""

    def __init__(self, encoder: nn.Module, size: int) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(size, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(input_ids, attention_mask))
        return logits


@dataclass(frozen=True)
class Setting:
    """What all rows share."""

    training: list[Batch]
    held_out: dict[str, list[Batch]]
    most: int
    """Optimiser steps at most, 0 for whole epochs."""

    def steps(self, epochs: int) -> int:
        return self.most or epochs * len(self.training)


def batches(rows: list[tuple[str, ...]], encode: Any) -> Iterator[Batch]:
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        tokens = encode([row[:1] for row in part])
        labels = torch.tensor([int(row[1]) for row in part])
        yield {name: tokens[name] for name in ("input_ids", "attention_mask")}, labels


def setting(wanted: argparse.Namespace) -> Setting:
    encode = Tokenise(str(wanted.folder / "tokenizer.json"), LENGTH).open()
    rows = [tuple(row) for row in read_table(wanted.archive / "train.tsv").rows]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0)).tolist()
    held_out = {
        split: list(batches([tuple(row) for row in read_table(wanted.archive / f"{split}.tsv").rows], encode))
        for split in SPLITS
    }
    if wanted.most:
        held_out = {split: found[: wanted.most] for split, found in held_out.items()}
    return Setting(list(batches([rows[place] for place in order], encode)), held_out, wanted.most)


def answer(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    logits: Tensor = model(NamedInputs(inputs)) if isinstance(model, iso.Graph) else model(**inputs)
    return logits


def trained(model: nn.Module, shared: Setting, kept: Path, *, epochs: int) -> None:
    """AdamW; the rate rises, then falls linearly to zero. A training that finds its own state goes on from there."""
    search, total = torch.optim.AdamW(model.parameters(), lr=RATE), shared.steps(epochs)
    first = 0
    if kept.exists():
        state = torch.load(kept)
        first = state["step"]
        model.load_state_dict(state["model"])
        search.load_state_dict(state["search"])
    for step in range(first, total):
        for group in search.param_groups:
            group["lr"] = RATE * min((step + 1) / (WARM_UP * total), (1 - step / total) / (1 - WARM_UP))
        inputs, labels = shared.training[step % len(shared.training)]
        search.zero_grad()
        loss = F.cross_entropy(answer(model, inputs), labels)
        loss.backward()
        search.step()
        if (step + 1) % KEPT_EVERY == 0 or step + 1 == total:
            print(f"{kept.stem} {step + 1}/{total} loss {loss.item():.4f}", flush=True)
            state = {"step": step + 1, "model": model.state_dict(), "search": search.state_dict()}
            torch.save(state, kept.with_suffix(".part"))
            os.replace(kept.with_suffix(".part"), kept)


@torch.no_grad()
def accuracy(model: nn.Module, data: list[Batch]) -> float:
    right = sum(int((answer(model, inputs).argmax(1) == labels).sum()) for inputs, labels in data)
    return right / sum(len(labels) for _, labels in data)


def accuracies(model: nn.Module, shared: Setting) -> dict[str, float]:
    return {split: accuracy(model, data) for split, data in shared.held_out.items()}


def spiking(qat: nn.Module, shared: Setting, steps: int) -> dict[str, Any]:
    """Figures of the bit-coded network, and how it equals the trained one."""
    snn = iso.convert(
        qat,
        iso.methods.BitCoded(bits=steps),
        data=shared.training[:CALIBRATION],
        sites="products",
        analogue="allow",
        task="classification",
        progress=False,
    )
    found = {split: iso.evaluate(snn, data, progress=False).to_dict() for split, data in shared.held_out.items()}
    return {split: {"sentences": one["images"], **one["snn"][str(steps)]} for split, one in found.items()}


def row(model: nn.Module, shared: Setting, work: Path, steps: int) -> dict[str, Any]:
    """QCFS in the place of GELU: at once, trained, spiking."""
    started, levels = time.process_time(), 2**steps - 1
    torch.manual_seed(0)
    qat = iso.quantise(
        model, iso.activations.QCFS(levels=levels), data=shared.training[:CALIBRATION], replace=("gelu",)
    )
    untrained = accuracies(qat, shared)
    trained(qat, shared, work / f"qcfs-{steps}.pt", epochs=QCFS_EPOCHS)
    return {
        "steps": steps,
        "levels": levels,
        "optimiser_steps": shared.steps(QCFS_EPOCHS),
        "untrained": untrained,
        "trained": accuracies(qat, shared),
        "spiking": spiking(qat, shared, steps),
        "process_seconds": time.process_time() - started,
        "processor": processor(),
    }


def table(folder: Path) -> str:
    """All rows that are there."""
    gelu = json.loads((folder / "gelu.json").read_text())
    lines = [
        "| | T | GELU | QCFS, untrained | QCFS, trained | spiking | same class as trained | spikes a sentence |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows = [json.loads(path.read_text()) for steps in STEPS if (path := folder / f"qcfs-{steps}.json").exists()]
    for found in rows:
        for split in SPLITS:
            snn = found["spiking"][split]
            shares = (gelu[split], found["untrained"][split], found["trained"][split], snn["score"], snn["agreement"])
            figures = " | ".join(f"{100 * share:.2f}" for share in shares)
            lines.append(f"| {split} | {found['steps']} | {figures} | {snn['spikes']:,.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for the states of the trainings")
    parser.add_argument("--most", type=int, default=0, help="optimiser steps and batches at most, to try it")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    for folder in (wanted.out, wanted.work):
        folder.mkdir(parents=True, exist_ok=True)
    shared = setting(wanted)
    torch.manual_seed(0)
    size = json.loads((wanted.folder / "config.json").read_text())["hidden_size"]
    model = Classifier(load_model(f"transformers:{wanted.folder}").model.eval(), size).eval()
    trained(model, shared, wanted.work / "gelu.pt", epochs=GELU_EPOCHS)
    if not (path := wanted.out / "gelu.json").exists():
        path.write_text(json.dumps(accuracies(model, shared), indent=1) + "\n")
    for steps in STEPS:
        if not (path := wanted.out / f"qcfs-{steps}.json").exists():
            path.write_text(json.dumps(row(model, shared, wanted.work, steps), indent=1) + "\n")
        (wanted.out / "table.md").write_text(table(wanted.out))
    print(table(wanted.out))


if __name__ == "__main__":
    main()

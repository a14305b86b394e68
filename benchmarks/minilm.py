"""MiniLM as spiking networks: sentence embeddings beside the original's, and SST-2 with a linear read-out on them.

    python benchmarks/minilm.py FOLDER SST2.zip --out benchmarks/results/minilm

FOLDER holds ``config.json``, ``model.safetensors`` and ``tokenizer.json`` of all-MiniLM-L6-v2, SST2.zip the files
``train.tsv``, ``dev.tsv`` and ``test.tsv`` (sentence, tab, 0 or 1). The read-out is logistic regression on the
normalised embeddings of the original for the training sentences; nothing is chosen on the others. Every row is a file
of its own and is not made again, so the same command goes on where it was interrupted; the table is made of all rows
that are there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from isospike.costs import energy_model_called, reference_costs
from isospike.data.table import read_table
from isospike.data.tokenise import Tokenise
from isospike.graphs import Graph, capture
from isospike.intervals import interval
from isospike.methods import Method
from isospike.models import load_model

LENGTHS = (16, 32, 64)
"""Tokens of a row: a sentence is in the shortest that holds it, so that little is padding."""
LONGEST, BATCH = LENGTHS[-1], 32
CALIBRATION, ACCOUNTED = 256, 32
"""Training sentences that calibrate; sentences of each length whose operations are counted."""
METHODS: dict[str, tuple[Method, tuple[int, ...]]] = {
    **{f"bit-coded-{bits}": (iso.methods.BitCoded(bits=bits), (bits,)) for bits in (3, 4, 5, 7, 6, 8)},
    "differential": (iso.methods.Differential(), (2, 4, 8)),
}
"""By row the method and the steps at which it answers."""


@dataclass(frozen=True)
class Sentences:
    """Tokens of sentences by the length of their rows, with their places among all."""

    rows: dict[int, dict[str, Tensor]]
    places: dict[int, Tensor]

    def batches(self, length: int, most: int | None = None) -> Iterator[dict[str, Tensor]]:
        """Batches of one length."""
        count = len(self.places[length]) if most is None else min(most, len(self.places[length]))
        for start in range(0, count, BATCH):
            yield {name: rows[start : min(start + BATCH, count)] for name, rows in self.rows[length].items()}

    def gathered(self, answers: dict[int, Tensor]) -> Tensor:
        """Answers by length in the order of the sentences."""
        places = torch.cat([self.places[length] for length in answers])
        return torch.cat(list(answers.values()))[places.argsort()]


def sentences(texts: Sequence[str], tokenizer: Path) -> Sentences:
    encoders = {length: Tokenise(str(tokenizer), length).open() for length in LENGTHS}
    used = encoders[LONGEST]([(text,) for text in texts])["attention_mask"].sum(1)
    rows, places = {}, {}
    for length in LENGTHS:
        shorter = [other for other in LENGTHS if other < length]
        fits = (used <= length) & (used > (max(shorter) if shorter else 0))
        if not fits.any():
            continue
        order = fits.nonzero().flatten()
        places[length] = order[used[order].argsort()]
        found = encoders[length]([(texts[place],) for place in places[length].tolist()])
        rows[length] = {name: found[name] for name in ("input_ids", "attention_mask")}
    return Sentences(rows, places)


def read(archive: Path, split: str) -> tuple[list[str], Tensor]:
    table = read_table(archive / f"{split}.tsv").rows
    return [row[0] for row in table], torch.tensor([int(row[1]) for row in table])


def embedded(model: nn.Module, given: Sentences) -> Tensor:
    """Normalised embeddings ``[sentences, D]``."""
    answers = {n: torch.cat([F.normalize(model(**batch)) for batch in given.batches(n)]) for n in given.rows}
    return given.gathered(answers)


def fitted(features: Tensor, labels: Tensor) -> nn.Linear:
    """Logistic regression with a weight decay of 1e-5."""
    read_out = nn.Linear(features.shape[1], 1)
    nn.init.zeros_(read_out.weight)
    nn.init.zeros_(read_out.bias)
    search = torch.optim.LBFGS(read_out.parameters(), max_iter=200)

    def closure() -> Tensor:
        search.zero_grad()
        loss = F.binary_cross_entropy_with_logits(read_out(features)[:, 0], labels.float())
        loss = loss + 1e-5 * read_out.weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        search.step(closure)
    return read_out.requires_grad_(False)


def at_length(snn: iso.SNN, graph: Graph, method: Method, batch: dict[str, Tensor]) -> iso.SNN:
    """The same network for rows of another length: what it was given belongs to channels and heads, not to places."""
    other = iso.convert(graph, method, data=[batch], sites="products", analogue="allow", progress=False)
    assert other.sites == snn.sites
    modules = {node.name: snn.graph.module_of(node) for node in snn.graph.op_nodes() if node.op == "call_module"}
    for node in other.graph.op_nodes():
        if node.op == "call_module":
            other.graph.replace(node, modules[node.name])
    return other


@dataclass(frozen=True)
class Setting:
    """What all rows share."""

    graphs: dict[int, Graph]
    calibration: list[dict[str, Tensor]]
    splits: dict[str, tuple[Sentences, Tensor, Tensor]]
    """By name: sentences, labels and embeddings of the original."""
    read_out: nn.Linear

    def classes(self, embeddings: Tensor) -> Tensor:
        scores: Tensor = self.read_out(embeddings)[:, 0]
        return (scores > 0).long()


def setting(folder: Path, archive: Path, cache: Path) -> Setting:
    model = load_model(f"transformers:{folder}").model
    texts, labels = read(archive, "train")
    given = sentences(texts, folder / "tokenizer.json")
    if not cache.exists():
        torch.save(embedded(model, given), cache)
    read_out = fitted(torch.load(cache), labels)
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0))[:CALIBRATION].tolist()
    rows = Tokenise(str(folder / "tokenizer.json"), LONGEST).open()([(texts[place],) for place in order])
    calibration = [
        {name: rows[name][start : start + BATCH] for name in ("input_ids", "attention_mask")}
        for start in range(0, CALIBRATION, BATCH)
    ]
    splits = {}
    for split in ("dev", "test"):
        texts, labels = read(archive, split)
        found = sentences(texts, folder / "tokenizer.json")
        splits[split] = (found, labels, embedded(model, found))
    graphs = {n: capture(model, {k: v[:2] for k, v in next(given.batches(n)).items()}) for n in LENGTHS}
    return Setting(graphs, calibration, splits, read_out)


def networks(shared: Setting, method: Method) -> dict[int, iso.SNN]:
    """The network for every length, calibrated once."""
    longest = iso.convert(
        shared.graphs[LONGEST], method, data=shared.calibration, sites="products", analogue="allow", progress=False
    )
    given = shared.splits["dev"][0]
    found = {LONGEST: longest}
    for length in LENGTHS[:-1]:
        found[length] = at_length(longest, shared.graphs[length], method, next(given.batches(length)))
    return found


def embeddings(snns: dict[int, iso.SNN], given: Sentences, steps: tuple[int, ...]) -> dict[int, Tensor]:
    """Normalised embeddings at each number of steps."""
    answers: dict[int, dict[int, list[Tensor]]] = {t: {n: [] for n in given.rows} for t in steps}
    record = iso.Record(outputs=False, spikes=False, at=steps)
    for length in given.rows:
        for batch in given.batches(length):
            run = iso.simulate(snns[length], batch, steps=max(steps), record=record)
            for t in steps:
                answers[t][length].append(F.normalize(run.answers[t]))
    return {t: given.gathered({n: torch.cat(parts) for n, parts in found.items()}) for t, found in answers.items()}


def costs(snns: dict[int, iso.SNN], given: Sentences, steps: tuple[int, ...]) -> dict[int, dict[str, float]]:
    """Operations and energy of a sentence, means over the lengths as often as they occur."""
    model, total = energy_model_called("45nm-fp32"), sum(map(len, given.places.values()))
    found: dict[int, dict[str, float]] = {t: {} for t in steps}
    for length, places in given.places.items():
        snn, part = snns[length], len(places) / total
        counted = iso.account(snn, list(given.batches(length, ACCOUNTED)), steps=steps, progress=False)
        reference = reference_costs(snn)
        values = sum(reference.wiring.neurons[site] for site in snn.sites)
        for t in steps:
            amounts, rivals = counted[t].total(), reference.rivals(model, t)
            figures = {
                "values": values,
                "events": amounts.packets,
                "synops": amounts.synops,
                "macs": amounts.macs,
                "ann_macs": reference.macs,
                "energy_pj": counted[t].energy(model).total,
                **{f"{name.replace(' ', '_').replace('-', '_').lower()}_pj": pj for name, pj in rivals.items()},
            }
            for name, figure in figures.items():
                found[t][name] = found[t].get(name, 0.0) + part * figure
    return found


def made(shared: Setting, name: str) -> list[dict[str, Any]]:
    """The figures of one row, at each number of steps."""
    method, steps = METHODS[name]
    started = time.perf_counter()
    snns = networks(shared, method)
    converted = time.perf_counter()
    rows: list[dict[str, Any]] = [{"row": name, "steps": t} for t in steps]
    for split, (given, labels, original) in shared.splits.items():
        expected = shared.classes(original)
        for row, found in zip(rows, embeddings(snns, given, steps).values(), strict=True):
            classes = shared.classes(found)
            right = float((classes == labels).float().mean())
            row[split] = {
                "sentences": len(labels),
                "ann": float((expected == labels).float().mean()),
                "snn": right,
                "interval": interval(right, len(labels)),
                "changed": int((classes != expected).sum()),
                "cosine": float((found * original).sum(1).mean()),
                "worst_cosine": float((found * original).sum(1).min()),
            }
    ran = time.perf_counter()
    for row, counted in zip(rows, costs(snns, shared.splits["dev"][0], steps).values(), strict=True):
        row["costs"] = counted
        row["seconds"] = {"convert": converted - started, "run": ran - converted}
        row["same_at_other_lengths"] = difference(snns, shared, steps)
    return rows


def difference(snns: dict[int, iso.SNN], shared: Setting, steps: tuple[int, ...]) -> float:
    """How far, at most, short sentences are from the same padded to the longest rows: what padding changes."""
    shortest = LENGTHS[0]
    short = next(shared.splits["dev"][0].batches(shortest))
    padded = {name: F.pad(rows, (0, LONGEST - shortest)) for name, rows in short.items()}
    answers = [
        iso.simulate(snns[n], rows, steps=max(steps)).output for n, rows in ((shortest, short), (LONGEST, padded))
    ]
    return float((answers[0] - answers[1]).abs().max() / answers[0].abs().max())


def table(folder: Path) -> str:
    """All rows that are there."""
    rows = [
        row for name in METHODS if (path := folder / f"{name}.json").exists() for row in json.loads(path.read_text())
    ]
    lines = [
        "| | T | dev % | test % | changed classes % | cosine | events per value | energy / quantised ANN | / ANN |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        method = row["row"].removesuffix(f"-{row['steps']}")
        dev, test, cost = row["dev"], row["test"], row["costs"]
        count = dev["sentences"] + test["sentences"]
        cosine = sum(one["cosine"] * one["sentences"] for one in (dev, test)) / count
        changed = 100 * (dev["changed"] + test["changed"]) / count
        lines.append(
            f"| {method} | {row['steps']} | {100 * dev['snn']:.2f} | "
            f"{100 * test['snn']:.2f} | {changed:.2f} | {cosine:.4f} | {cost['events'] / cost['values']:.2f} | "
            f"{cost['energy_pj'] / cost['quantised_ann_pj']:.2f} | {cost['energy_pj'] / cost['ann_pj']:.2f} |"
        )
    if rows:
        ann = " and ".join(f"{100 * rows[0][split]['ann']:.2f} on {split}" for split in ("dev", "test"))
        lines += [
            "",
            f"The original has {ann} ({rows[0]['dev']['sentences']} and {rows[0]['test']['sentences']} sentences).",
        ]
    return "\n".join(lines) + "\n"


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="file for the training embeddings of the original")
    parser.add_argument("--rows", default=",".join(METHODS))
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    wanted.out.mkdir(parents=True, exist_ok=True)
    shared = setting(wanted.folder, wanted.archive, wanted.cache or wanted.out / "training.pt")
    for name in wanted.rows.split(","):
        path = wanted.out / f"{name}.json"
        if not path.exists():
            rows = made(shared, name)
            path.write_text(json.dumps(rows, indent=1) + "\n")
        (wanted.out / "table.md").write_text(table(wanted.out))
        print((wanted.out / "table.md").read_text(), flush=True)


if __name__ == "__main__":
    main()

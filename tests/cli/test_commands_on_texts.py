"""Every command on texts: a small transformer in a folder, its tokenizer, an archive."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import isospike as iso
from isospike.models.bert import BertClassifier, BertSizes

pytest.importorskip("tokenizers", reason="texts need the package tokenizers: pip install 'isospike[text]'")

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film", "plot", "not", "very", "dull")
SIZES: dict[str, int] = {
    "vocab_size": len(WORDS),
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 16,
}
METHODS = ("bit-coded", "differential")
ROWS = ["--methods", ",".join(METHODS), "--steps", "2,4", "--images", 12, "--calibration-images", 16]


@pytest.fixture
def texts(tmp_path: Path) -> list[object]:
    """The arguments for a model and its texts, as the page about texts has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path / "bert"
    folder.mkdir()
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_act": "gelu"}
    (folder / "config.json").write_text(json.dumps({**config, **SIZES}))
    torch.manual_seed(0)
    save_file(BertClassifier(BertSizes(**SIZES), 2).state_dict(), folder / "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    chosen = torch.randint(4, len(WORDS), (40, 6), generator=torch.Generator().manual_seed(0)).tolist()
    lines = [f"{' '.join(WORDS[i] for i in row[: 3 + row[0] % 4])}\t{row[1] % 2}\n" for row in chosen]
    with zipfile.ZipFile(tmp_path / "sst2.zip", "w") as archive:
        for name, part in (("train", lines[:24]), ("dev", lines[24:])):
            archive.writestr(f"{name}.tsv", "".join(part))
    tokens = ["--tokenizer", folder / "tokenizer.json", "--length", 8]
    return [f"transformers:{folder}", "--data", "tsv:sst2.zip", *tokens, "--analogue", "allow"]


def test_methods_are_compared_on_texts(cli, texts, tmp_path):
    result = cli("compare", *texts, *ROWS, "--out", "c.json")
    assert (result.code, result.err) == (0, "")
    found = iso.Comparison.load(tmp_path / "c.json")
    assert (found.images, found.calibration_images, found.failed) == (12, 16, ())
    assert {(cell.label, cell.steps) for cell in found.cells} == {(m, t) for m in METHODS for t in (2, 4)}
    assert all(cell.score is not None and cell.energy_pj["45nm-fp32"] > 0 for cell in found.cells)


@pytest.mark.parametrize("labels", ["", "#0,-"], ids=["labelled", "unlabelled"])
def test_a_page_of_texts_has_a_closer_look(labels, cli, texts, tmp_path):
    texts[2] = f"tsv:sst2.zip{labels}"
    result = cli("compare", *texts, *ROWS, "--out", "c.html", "--figures", "figures")
    assert (result.code, result.err) == (0, "")
    shown = json.loads((tmp_path / "figures" / "report.json").read_text())
    assert shown["diagnosis"]["images"] == 12


def test_the_best_method_for_texts_is_found(cli, texts, tmp_path):
    result = cli(
        "auto", *texts, "--methods", "bit-coded", "--images", 12, "--calibration-images", 16, "--out", "net.snn"
    )
    assert (result.code, result.err) == (0, "")
    assert iso.load(tmp_path / "net.snn").graph.input_names[:2] == ("input_ids", "attention_mask")


def test_every_command_takes_a_network_of_texts(cli, texts, tmp_path):
    model, *data, _, _ = texts
    made = cli("convert", "bit-coded", *texts, "--images", 16, "--bits", 5, "--out", "net.snn")
    assert (made.code, made.err) == (0, "")
    for command in (["evaluate"], ["account"], ["diagnose", model], ["verify", model]):
        result = cli(command[0], "net.snn", *command[1:], *data, "--images", 12, "--json")
        assert (result.code, result.err) == (0, ""), command
        assert json.loads(result.out)["images"] == 12


def test_a_report_shows_the_spikes_of_a_text(cli, texts, tmp_path):
    cli("compare", *texts, *ROWS, "--out", "c.json")
    cli("convert", "bit-coded", *texts, "--images", 16, "--bits", 5, "--out", "net.snn")
    result = cli("report", "c.json", "--network", "net.snn", *texts[1:-2], "--image", 3, "--out", "r.html")
    assert (result.code, result.err) == (0, "")
    assert "Codes of one image" in (tmp_path / "r.html").read_text()

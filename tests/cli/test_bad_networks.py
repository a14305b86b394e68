"""Networks and texts that cannot become what was asked for: one line on the error stream that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_error_lines import check

MODELS = """
import math
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.a, self.b, self.c = (nn.Linear(8, 8) for _ in range(3))
        self.weight = nn.Parameter(torch.randn(8, 8))

    def forward(self, x):
        return self.function(self, x).mean(1)

class Texts(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.places = nn.Embedding(20, 8), nn.Embedding(6, 8)
        self.qkv, self.head = nn.Linear(8, 24), nn.Linear(8, 3)
        self.register_buffer("numbers", torch.arange(6)[None])

    def embedded(self, input_ids):
        return self.words(input_ids) + self.places(self.numbers[:, : input_ids.shape[1]])

class Plain(Texts):
    def forward(self, input_ids):
        return self.head(self.embedded(input_ids).relu()).mean(1)

class Counted(Plain):
    def embedded(self, input_ids):
        return self.words(input_ids) + self.places(torch.arange(input_ids.shape[1]))

class Masked(Texts):
    def forward(self, input_ids, attention_mask):
        q, k, v = self.qkv(self.embedded(input_ids)).chunk(3, -1)
        seen = attention_mask.bool()[:, None, :].expand(-1, 6, -1)
        return self.head(F.scaled_dot_product_attention(q, k, v, attn_mask=seen)[:, 0])

def attended(n, x, scores):
    return scores.softmax(-1) @ n.c(x)

def weights_alone():
    return Net(lambda n, x: F.linear(x, n.weight.relu()))

def fixed():
    return Net(lambda n, x: n.b(n.a(x).relu().view(4, 48).view(4, 6, 8)))

def asked():
    return Net(lambda n, x: n.b(n.a(x).relu()) * (1 if x.shape[0] > 3 else 2))

def infinite_mask():
    return Net(lambda n, x: attended(n, x, (n.a(x) @ n.b(x).mT).masked_fill(x[:, None, :, 0] < 0.5, -math.inf)))

def silenced():
    mask = torch.zeros(6, 6)
    mask[2] = -math.inf
    return Net(lambda n, x: attended(n, x, n.a(x) @ n.b(x).mT + mask))

def silenced_in_one_call():
    mask = torch.ones(6, 6, dtype=torch.bool)
    mask[2] = False
    return Net(lambda n, x: F.scaled_dot_product_attention(n.a(x), n.b(x), n.c(x), attn_mask=mask))

plain, counted, masked = Plain, Counted, Masked
"""

DATA = """
import torch

LABELS = torch.tensor([0, 1, 2, 0])
TOKENS = torch.randint(0, 20, (4, 6), generator=torch.Generator().manual_seed(0))
MASK = torch.ones_like(TOKENS)

def numbers():
    return [(torch.rand(4, 6, 8, generator=torch.Generator().manual_seed(0)), LABELS)]

def tokens():
    return [(TOKENS, LABELS)]

def longer():
    return [(TOKENS.repeat(1, 2)[:, :9], LABELS)]

def of_another():
    return [(TOKENS + 30, LABELS)]

def below_zero():
    return [(TOKENS - 1, LABELS)]

def masked():
    return [({"input_ids": TOKENS, "attention_mask": MASK}, LABELS)]

def silenced():
    return [({"input_ids": TOKENS, "attention_mask": MASK * (torch.arange(4) != 1)[:, None]}, LABELS)]
"""


def converting(model: str, data: str, *more: str) -> list[str]:
    how = ["--data", f"d.py:{data}", "--analogue", "allow", "--out", "net.snn", *more]
    return ["convert", "bit-coded", f"m.py:{model}", *how]


CONVERT = {
    "site-of-weights-alone": converting("weights_alone", "numbers", "--sites", "products"),
    "batch-fixed": converting("fixed", "numbers"),
    "batch-asked": converting("asked", "numbers"),
    "mask-of-values": converting("infinite_mask", "numbers"),
    "row-silenced": converting("silenced", "numbers"),
    "row-silenced-in-one-call": converting("silenced_in_one_call", "numbers"),
    "row-silenced-by-data": converting("masked", "silenced"),
    "tokens-of-another": converting("plain", "of_another"),
    "tokens-below-zero": converting("plain", "below_zero"),
    "tokens-beyond-positions": converting("plain", "longer"),
    "tokens-beyond-counted-positions": converting("counted", "longer"),
    "tokens-without-mask": converting("masked", "tokens"),
    "inspect-tokens": ["inspect", "m.py:plain", "--shape", "6"],
    "inspect-shape-and-data": ["inspect", "m.py:plain", "--shape", "6", "--data", "d.py:tokens"],
    "inspect-tokens-of-another": ["inspect", "m.py:plain", "--data", "d.py:of_another"],
    "inspect-row-silenced-in-one-call": ["inspect", "m.py:silenced_in_one_call", "--data", "d.py:numbers"],
}
EVALUATE = {
    "evaluate-tokens-of-another": ("plain", "tokens", "of_another"),
    "evaluate-tokens-beyond-positions": ("plain", "tokens", "longer"),
    "evaluate-tokens-without-mask": ("masked", "masked", "tokens"),
    "evaluate-row-silenced": ("masked", "masked", "silenced"),
}
"""By name: the model, what it is converted on, what it is measured on."""


@pytest.fixture
def texts(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODELS)
    (tmp_path / "d.py").write_text(DATA)


@pytest.mark.parametrize("name", CONVERT)
def test_error_line_of_a_conversion(name, cli, golden, texts, tmp_path):
    check(cli(*CONVERT[name]), name, golden)
    assert not (tmp_path / "net.snn").exists()


@pytest.mark.parametrize("name", EVALUATE)
def test_error_line_of_a_measurement(name, cli, golden, texts):
    model, known, measured = EVALUATE[name]
    assert cli(*converting(model, known)).code == 0
    check(cli("evaluate", "net.snn", "--data", f"d.py:{measured}"), name, golden)


@pytest.mark.parametrize(("model", "data"), [("plain", "tokens"), ("masked", "masked")])
def test_models_of_texts_are_inspected_by_their_data(model, data, cli, texts):
    shown = cli("inspect", f"m.py:{model}", "--data", f"d.py:{data}")
    assert shown.code == 0, shown.err
    assert "embedding" in shown.out
    assert "weights: as the factory made them" in shown.out


TOKENIZED = {
    "tokenizer-of-another": ["--length", "6"],
    "tokenizer-longer-than-positions": ["--length", "9"],
}


@pytest.mark.parametrize("name", TOKENIZED)
def test_error_line_of_a_tokenizer(name, cli, golden, texts, tmp_path):
    """Of forty words for twenty rows, and of nine tokens for six positions."""
    tokenizers = pytest.importorskip("tokenizers", reason="texts need it: pip install 'isospike[text]'")
    words = {f"w{number}": number for number in range(40)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({**words, "[UNK]": 40}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "t.json"))
    (tmp_path / "x.tsv").write_text("w1 w2 w3\t0\nw4 w30 w31\t1\n")
    given = ["--data", "tsv:x.tsv", "--tokenizer", "t.json", *TOKENIZED[name]]
    check(cli("inspect", "m.py:masked", *given), name, golden)
    converted = cli("convert", "bit-coded", "m.py:masked", *given, "--analogue", "allow", "--out", "net.snn")
    assert converted.code == 2
    assert "give the tokenizer of this model, and no more tokens than it has positions (--length)" in converted.err

"""Tokens and masks: whole numbers among the inputs, given by name, that become real numbers before they meet any."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isospike as iso
from isospike.errors import CaptureError, DataError, SimulationError
from isospike.graphs import Role

TOKENS = torch.randint(1, 20, (3, 6), generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]])
BATCH = {"input_ids": TOKENS, "attention_mask": MASK}


class Reader(nn.Module):
    """An embedding with places counted from the mask, masked attention, and the mean over what is not masked."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.places = nn.Embedding(20, 8, padding_idx=0), nn.Embedding(7, 8)
        self.qkv, self.hidden, self.last = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, input_ids, attention_mask=None, labels=None):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        places = attention_mask.cumsum(1) * attention_mask.ne(0).int()
        x = self.words(input_ids) + self.places(places.long())
        q, k, v = self.qkv(x).chunk(3, -1)
        seen = attention_mask.bool()[:, None, :].expand(-1, 6, -1)
        x = x + F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = self.hidden(x).relu()
        mean = (x * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True).clamp(min=1)
        return {"logits": self.last(mean), "hidden": x}


class Additive(Reader):
    """The same with a mask of numbers that are added to the scores."""

    def forward(self, input_ids, attention_mask):
        x = self.words(input_ids)
        q, k, v = self.qkv(x).chunk(3, -1)
        far = (1.0 - attention_mask[:, None, :].to(x.dtype)) * torch.finfo(torch.float32).min
        x = x + ((q @ k.transpose(1, 2) + far).softmax(-1) @ v).masked_fill(attention_mask[..., None] == 0, 0.0)
        return self.last(self.hidden(x).relu()[:, 0])


METHODS = {"emitting": (iso.methods.BitCoded(bits=5), {}), "streaming": (iso.methods.Maximum(), {"steps": 5})}


@pytest.mark.parametrize("kind", [Reader, Additive])
def test_it_is_captured_at_any_size(kind):
    model = kind().double().eval()
    graph = iso.capture(model, BATCH)
    assert graph.unsupported == ()
    assert graph.input_names == ("input_ids", "attention_mask")
    for rows in ([0], [2, 0, 1], [0, 1, 2, 2, 1, 0, 0]):
        part = {name: tensor[rows] for name, tensor in BATCH.items()}
        ours, theirs = graph(iso.inputs.as_inputs(part)), model(**part)
        pairs = zip(torch.utils._pytree.tree_leaves(ours), torch.utils._pytree.tree_leaves(theirs), strict=True)
        assert all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in pairs)


def test_what_is_computed_of_tokens_alone_is_part_of_the_input():
    graph = iso.capture(Reader().double().eval(), BATCH)
    kinds = {op.kind for op in graph.ops if op.role is Role.INPUT}
    assert {"embedding", "cumsum", "ne"} <= kinds
    assert all(op.role is Role.INPUT for op in graph.ops if op.numbers != "real")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [Reader, Additive])
def test_it_converts_runs_and_goes_through_the_verbs(kind, method, tmp_path):
    rule, steps = METHODS[method]
    model = kind().double().eval()
    labelled = {**BATCH, "labels": torch.tensor([0, 1, 2])}
    snn = iso.convert(model, rule, data=[labelled], analogue="allow", sites="rectifiers")
    runs = [iso.simulate(snn, BATCH, executor=name, **steps) for name in iso.executors.executors_of(snn.kind)]
    assert all(torch.equal(runs[0].spikes[site], run.spikes[site]) for run in runs for site in snn.sites)
    snn.save(tmp_path / "net.snn")
    ours, theirs = snn(BATCH, **steps), iso.load(tmp_path / "net.snn")(BATCH, **steps)
    leaves = [torch.utils._pytree.tree_leaves(one) for one in (ours, theirs)]
    assert all(torch.equal(a, b) for a, b in zip(*leaves, strict=True))
    assert iso.evaluate(snn, [labelled] if kind is Additive else [BATCH], **steps).images == 3
    (costs,) = iso.account(snn, [BATCH], **steps).values()
    assert costs.total().spikes > 0
    assert iso.verify(model, snn, [BATCH], **steps).images == 3


def test_tokens_alone_are_one_tensor():
    model = Reader().double().eval()
    graph = iso.capture(model, TOKENS)
    assert torch.allclose(graph(TOKENS)["logits"], model(TOKENS)["logits"], rtol=0, atol=1e-12)


def test_what_does_not_fit_says_what_to_do():
    model = Reader().double().eval()
    snn = iso.convert(model, iso.methods.BitCoded(), data=[BATCH], analogue="allow", sites="rectifiers")
    with pytest.raises(SimulationError, match=r"tokens from 1 to 99, the embedding has 20 rows; give the tokenizer"):
        snn({**BATCH, "input_ids": TOKENS.clone().fill_(99).index_fill(1, torch.tensor([0]), 1)})
    with pytest.raises(SimulationError, match=r"takes the inputs input_ids, attention_mask, it was given input_ids"):
        snn({"input_ids": TOKENS})
    with pytest.raises(SimulationError, match=r"samples of shape \[5\].*pad or cut sequences"):
        snn({name: tensor[:, :5] for name, tensor in BATCH.items()})
    with pytest.raises(SimulationError, match=r"input_ids is torch.int32, the network takes int64"):
        snn({**BATCH, "input_ids": TOKENS.int()})
    with pytest.raises(SimulationError, match=r"different numbers of samples"):
        snn({**BATCH, "input_ids": TOKENS[:2]})
    with pytest.raises(DataError, match=r"different numbers of samples"):
        iso.evaluate(snn, [{**BATCH, "input_ids": TOKENS[:2]}])
    with pytest.raises(CaptureError, match=r"forward takes \(input_ids, .*the example names ids; give a mapping"):
        iso.capture(model, {"ids": TOKENS})

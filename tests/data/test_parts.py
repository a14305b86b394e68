"""Which tensors of a batch are read; what may be meant otherwise is one line."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import TensorDataset

from isospike.data.parts import INPUT_KEYS, TARGET_KEYS
from isospike.data.reading import read_batches
from isospike.errors import DataError, IsospikeWarning

X = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 3, 4, 0])
W = torch.rand(6)
CASES = {
    "a triple": ([(X, W, Y)], "batch 1 is a tuple of 3 tensors, .*; give pairs, or a mapping"),
    "a triple alone": ((X, W, Y), "batch 1 is a tuple of 3 tensors"),
    "a later triple": ([(X, Y), [X, W, Y]], "batch 2 is a list of 3 tensors"),
    "two inputs": ({"x": X, "image": X, "y": Y}, "the input of batch 1 may be x, image; leave one"),
    "unknown inputs": ({"left": X, "right": X}, "the input of batch 1 may be left, right; leave one"),
    "two targets": ({"x": X, "y": Y, "label": Y}, "the targets of batch 1 may be label, y; leave one"),
    "sparse inputs": ([X.to_sparse()], r"batch 1 holds a torch.sparse_coo tensor; give its to_dense\(\)"),
    "sparse targets": ([(X, W.to_sparse())], "batch 1 holds a torch.sparse_coo tensor"),
    "compressed inputs": ([torch.eye(3).to_sparse_csr()], "batch 1 holds a torch.sparse_csr tensor"),
    "inputs on meta": ([X.to("meta")], "batch 1 holds a tensor on the device meta"),
    "targets on meta": ([(X, {"a": Y.to("meta")})], "batch 1 holds a tensor on the device meta"),
    "a list of both": ([X, Y], r"\[6, 3, 4, 4\] and \[6\], .* are \[\(inputs, targets\)\]"),
    "a dataset": (TensorDataset(X, Y), r"a TensorDataset of samples, .* torch.utils.data.DataLoader"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_may_be_meant_otherwise_is_one_line(name):
    data, message = CASES[name]
    with pytest.raises(DataError, match=message) as caught:
        list(read_batches(data))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", INPUT_KEYS)
@pytest.mark.parametrize("target", TARGET_KEYS)
def test_a_known_name_is_the_input_and_the_rest_is_said(key, target):
    with pytest.warns(IsospikeWarning, match=f"the batches are read as {key} alone; weight: not read"):
        (given,) = read_batches({"weight": W, key: X, target: Y})
    assert given.inputs is X
    assert given.targets is Y


def test_the_only_other_tensor_is_the_input():
    (given,) = read_batches({"names": ["a"] * 6, "y": Y, "frames": X})
    assert given.inputs is X

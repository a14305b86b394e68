"""``exact=True`` up to the first islands: in front of them nothing is rounded, behind them the tolerance is counted."""

from __future__ import annotations

import dataclasses
import functools
import random

import pytest
import torch
import torch.nn.functional as F
from site_cases import METHODS, captured, inputs, networks
from torch import nn

import isospike as iso
from isospike.errors import ConversionError
from isospike.graphs.graph import op_of
from isospike.graphs.islands import behind_islands, sites_behind_islands
from isospike.ops import Role
from isospike.refine.grid.value import BUDGET

EXACT = {name: dataclasses.replace(method, exact=True) for name, method in METHODS.items()}
HOW = {"analogue": "allow", "sites": "products"}
TOKENS, WIDTH = 5, 8
SEEDS = range(12)


class Random(nn.Module):
    """Layers, a product, an island in the middle, layers: which, a seed says."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        choose = random.Random(seed).choice
        torch.manual_seed(seed)
        self.front = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(choose((1, 2))))
        self.left, self.right = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.behind, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)
        self.between = choose((torch.relu, torch.abs, lambda x: x))
        self.product = choose(("scores", "values", "gate", "none"))
        self.island = choose((F.gelu, torch.sigmoid, lambda x: F.layer_norm(x, x.shape[-1:]), lambda x: x.softmax(-1)))
        self.joined = choose((True, False))

    def forward(self, x):
        for layer in self.front:
            x = self.between(layer(x))
        a, b = self.left(x), self.right(x)
        if self.product == "scores":
            y = a @ b.transpose(1, 2) * 0.25 @ x
        elif self.product == "values":
            y = a.transpose(1, 2) @ b
            y = x @ y
        elif self.product == "gate":
            y = a.relu() * b
        else:
            y = a + b
        z = self.island(self.left(y) if self.joined else y)
        return self.head(self.behind(z + a if self.joined else z).relu())


@functools.cache
def made(seed: int):
    """A model, its network on the grid, the one off it, and samples."""
    model, x = Random(seed).double().eval(), inputs((TOKENS, WIDTH), 8, seed)
    exact, plain = (iso.convert(model, iso.methods.BitCoded(bits=4, exact=on), data=[x], **HOW) for on in (True, False))
    return model, exact, plain, x


def read_by_islands(snn):
    """The network that answers with what islands, and what else is behind them, read of the part in front."""
    graph = snn.graph.view()
    behind = behind_islands(graph)
    read = [source for node in graph.op_nodes() if node in behind for source in node.all_input_nodes]
    front = [node for node in dict.fromkeys(read) if node not in behind and node.op.startswith("call")]
    assert front
    graph.output_node.args = (front,)
    return snn.with_graph(graph.view())


def totals(snn, x):
    """These, of both executors and of the quantised ANN."""
    front = read_by_islands(snn)
    with torch.no_grad():
        ann = front.graph(x)
    return [iso.simulate(front, x, executor=name).output for name in ("collapsed", "stepped")] + [ann]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_islands_read_is_equal_bit_for_bit(seed):
    _, snn, _, x = made(seed)
    assert snn.exact
    assert 0 < len(sites_behind_islands(snn.graph)) < len(snn.sites)
    for fast, slow, ann in zip(*totals(snn, x), strict=True):
        assert torch.equal(fast, slow)
        assert torch.equal(fast, ann)


def test_products_are_in_front():
    """So the law above holds of them too, of sums over units that differ among them."""
    kinds = set()
    for seed in SEEDS:
        graph = made(seed)[1].graph
        kinds |= {op_of(n).kind for n in graph.nodes_with(Role.PRODUCT) if n not in behind_islands(graph)}
    assert kinds == {"matmul", "mul"}


def test_off_the_grid_it_is_not():
    """The law above is not empty."""
    differing = 0
    for seed in SEEDS:
        _, _, plain, x = made(seed)
        differing += any(not torch.equal(fast, slow) for fast, slow, _ in zip(*totals(plain, x), strict=True))
    assert differing > len(SEEDS) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_in_front_are_whole_multiples_and_few_enough(seed):
    """Neurons emit whole numbers; units are multiples of ``2^-52``."""
    _, snn, _, _ = made(seed)
    behind = sites_behind_islands(snn.graph)
    for site in snn.sites:
        neuron = snn.neuron(site)
        if site in behind:
            assert torch.equal(neuron.amplitude, neuron.unit)
        else:
            assert torch.equal(neuron.amplitude, torch.ones_like(neuron.unit))
            scaled = neuron.unit * 2.0**BUDGET
            assert torch.equal(scaled, scaled.round())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_certificate_holds(seed):
    model, snn, _, x = made(seed)
    found = iso.verify(model, snn, [x[:3], x[3:]], progress=False)
    assert found.equal, found.first_difference
    for site in found.sites:
        assert site.wrong_codes == 0
        assert (site.flipped_codes is None) == (site.site not in sites_behind_islands(snn.graph))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_grid_changes_next_to_nothing(seed):
    _, snn, plain, x = made(seed)
    a, b = snn(x), plain(x)
    assert (a - b).abs().max() <= 2**-6 * b.abs().max()  # a code of 4 bits or two that were near to a half step


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("case", ["norm last", "convnext", "gated"])
def test_every_method_reaches_up_to_the_islands(case, method, tmp_path):
    model, shape = networks()[case]
    x = inputs(shape, 8)
    snn = iso.convert(captured(case), EXACT[method], data=[x], **HOW)
    for fast, slow, ann in zip(*totals(snn, x), strict=True):
        assert torch.equal(fast, slow)
        assert torch.equal(fast, ann)
    assert iso.verify(model, snn, [x], progress=False).equal
    assert not iso.diagnose(captured(case), snn, x).faults
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x), snn(x))
    (ours,), (plain,) = (
        iso.account(network, [x], progress=False).values()
        for network in (snn, iso.convert(captured(case), METHODS[method], data=[x], **HOW))
    )
    assert {entry.op for entry in ours.entries if entry.macs} == {entry.op for entry in plain.entries if entry.macs}


class Attended(nn.Module):
    """A product of two values and nothing behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.q, self.k = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4), nn.Linear(WIDTH, 4)

    def forward(self, x):
        x = self.embed(x)
        return self.q(x) @ self.k(x).transpose(1, 2)


@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("bits", [4, 8])
def test_products_of_codes_are_whole_numbers(bits, granularity):
    """Without an island the outputs are equal too, whether the units of the sum are one or one for each channel."""
    torch.manual_seed(3)
    model, x = Attended().double().eval(), inputs((TOKENS, WIDTH), 6)
    snn = iso.convert(model, iso.methods.BitCoded(bits=bits, exact=True, granularity=granularity), data=[x], **HOW)
    found = iso.verify(model, snn, [x], progress=False)
    assert found.exact
    assert found.tolerance == found.output_error == 0
    codes = iso.simulate(snn, x, record=iso.Record(codes=True)).codes
    q, k = (codes[site] for site in ("q_site", "k_site"))
    units = [snn.neuron(site).unit for site in ("q_site", "k_site")]
    own = (q * units[0]) @ (k * units[1]).transpose(1, 2)
    assert (snn(x) - own).abs().max() <= 2**-20 * own.abs().max()  # units are rounded to more than 20 digits


def test_a_wrong_weight_in_front_is_found_there():
    model, snn, _, x = made(0)
    wrong = snn.with_graph(snn.graph.with_tensors({"front.0.weight": snn.graph.get_submodule("front.0").weight * 1.01}))
    found = iso.verify(model, wrong, [x], progress=False)
    first = found.first_difference.split("'")[1]
    assert not found.equal
    assert first not in sites_behind_islands(snn.graph)


@pytest.mark.parametrize("case", ["norm first", "mixer"])
def test_where_nothing_is_in_front_it_is_refused(case):
    x = inputs(networks()[case][1], 4)
    with pytest.raises(ConversionError, match=r"^exact=True: every site is behind an analogue island"):
        iso.convert(captured(case), EXACT["bit-coded"], data=[x], **HOW)


def test_ops_that_only_lead_to_islands_need_no_place_on_the_grid():
    """A product by a constant matrix has none; behind it there is nothing but an island."""
    torch.manual_seed(0)
    matrix = torch.randn(WIDTH, WIDTH, dtype=torch.float64)

    class Rotated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

        def forward(self, x):
            return self.head(F.gelu(self.first(x).relu() @ matrix))

    model, x = Rotated().double().eval(), inputs((TOKENS, WIDTH), 4)
    snn = iso.convert(model, EXACT["bit-coded"], data=[x], **HOW)
    assert iso.verify(model, snn, [x], progress=False).equal
    assert {op_of(node).name for node in behind_islands(snn.graph) if node.op != "output"} >= {"gelu"}

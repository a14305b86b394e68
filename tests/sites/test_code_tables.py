"""GELU and SiLU as tables from code to code: an approximation that is asked for, exact on the codes, and told."""

from __future__ import annotations

import functools

import pytest
import torch
from site_cases import captured, inputs, networks
from torch import nn

import isospike as iso
from isospike.costs import reference_costs
from isospike.graphs.graph import op_of
from isospike.methods import methods
from isospike.neurons import Kind
from isospike.report.content import gather
from isospike.report.page import render
from isospike.sites import tables_line
from isospike.sites.code_tables import CUTS

TABLED = {"norm first": ("gelu", 2), "norm last": ("gelu", 2), "convnext": ("gelu", 1), "excited": ("silu", 2)}
EMITTING = {
    "bit-coded": iso.methods.BitCoded(bits=5),
    "radix": iso.methods.Radix(bits=4),
    "pascal": iso.methods.Pascal(levels=7),
}
CASES = pytest.mark.parametrize("case", TABLED)
HOW = {"analogue": "allow", "sites": "products"}


@functools.cache
def with_tables(case: str, method: str = "bit-coded"):
    model, shape = networks()[case]
    x = inputs(shape, 8)
    return iso.convert(captured(case), EMITTING[method], data=[x], tables=(TABLED[case][0],), **HOW), x, model


def site_behind(snn, site):
    """The function behind a site, and the site of its value."""
    (node,) = (node for node in snn.graph.op_nodes() if op_of(node).name == site)
    (function,) = node.users
    return function, next(op_of(user).name for user in function.users if op_of(user).name in snn.sites)


def far_below() -> nn.Module:
    """A network whose GELU is given values far below its cut."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3)).double().eval()
    with torch.no_grad():
        model[0].bias -= 6
        model[0].weight *= 6
    return model


@pytest.mark.parametrize("method", EMITTING)
@CASES
def test_a_table_of_the_code_gives_the_code_behind(case, method):
    snn, x, _ = with_tables(case, method)
    codes = iso.simulate(snn, x, record=iso.Record(codes=True)).codes
    ((kind, entries),) = snn.provenance.tables.items()
    assert (kind, len(entries)) == TABLED[case]
    for site, count in entries.items():
        function, behind = site_behind(snn, site)
        front, back, axis = snn.neuron(site), snn.neuron(behind), op_of(function).channel_axis
        lowest, units = front.levels + 1 - count, front.unit.flatten()
        front_codes, back_codes = (codes[name].movedim(axis, 0) for name in (site, behind))
        assert lowest <= int(front_codes.min())
        for channel, (sent, answered) in enumerate(zip(front_codes, back_codes, strict=True)):
            shape = [1] * x.dim()
            shape[axis] = len(units)
            keys = torch.arange(lowest, front.levels + 1)
            values = torch.zeros(count, len(units), dtype=torch.float64)
            values[:, channel] = keys * units[channel]
            table = back.codes(function.target(values.view(count, *shape[1:]), *function.args[1:], **function.kwargs))
            table = table.movedim(axis, 0)[channel].flatten()
            assert torch.equal(table[sent.long().flatten() - lowest], answered.flatten().to(table.dtype))


@CASES
def test_tables_are_certified_and_their_error_is_told(case):
    snn, x, model = with_tables(case)
    certificate = iso.verify(model, snn, [x], progress=False)
    assert certificate.exact
    assert {site.site for site in certificate.sites} == set(snn.sites)
    own = model(x).detach()
    apart = (snn(x) - own).abs().max() / own.abs().max()  # from the model, in which nothing is cut off
    assert certificate.model_error == pytest.approx(apart.item(), rel=1e-9)
    plain = iso.convert(captured(case), EMITTING["bit-coded"], data=[x], **HOW)
    assert not torch.equal(plain(x), snn(x))
    fine = iso.methods.BitCoded(bits=12)
    exact, tabled = (iso.convert(captured(case), fine, data=[x], tables=t, **HOW)(x) for t in ((), (TABLED[case][0],)))
    assert (exact - tabled).abs().max() <= 0.02 * own.abs().max()  # the cut is far below zero, the units are fine


@CASES
def test_nothing_is_a_table_unless_it_is_asked_for(case):
    snn, x, _ = with_tables(case)
    plain = iso.convert(captured(case), EMITTING["bit-coded"], data=[x], **HOW)
    assert plain.provenance.tables == {}
    assert set(snn.sites) - set(plain.sites) == set(next(iter(snn.provenance.tables.values())))
    assert set(plain.sites) < set(snn.sites)


@CASES
def test_a_file_keeps_what_is_approximate(case, tmp_path):
    snn, x, _ = with_tables(case)
    snn.save(tmp_path / "net.snn")
    again = iso.load(tmp_path / "net.snn")
    assert again.provenance == snn.provenance
    assert torch.equal(again(x), snn(x))
    assert reference_costs(again).levels == reference_costs(snn).levels


def test_currents_are_cut_off_so_that_codes_are_not_wasted():
    """Where currents reach far below the cut, the unit is that of those above it."""
    x = inputs((6,), 64)
    snn = iso.convert(far_below(), iso.methods.BitCoded(bits=6, granularity="layer"), data=[x], tables=("gelu",), **HOW)
    ((site, count),) = snn.provenance.tables["gelu"].items()
    neuron = snn.neuron(site)
    cut = round(4 / neuron.unit.item())
    assert count == neuron.levels + 1 + cut < 2 * neuron.levels  # so many codes of 2 K + 1 are left
    assert int(neuron.codes(torch.full((1, 8), -1e6, dtype=torch.float64)).min()) == -cut


def test_the_line_says_what_is_approximate():
    snn, _, _ = with_tables("norm first")
    assert tables_line(snn.provenance.tables) == (
        "approximate: gelu as a table of at most 63 entries at 2 sites (currents below -4 count as -4)"
    )
    found = iso.inspect(captured("norm first"), inputs((6, 8), 2), sites="products", tables=("gelu",))
    assert found.tables == {"gelu": ("first.gelu_table", "second.gelu_table")}
    assert tables_line(found.tables) == (
        "approximate: gelu as a table from code to code at 2 sites (currents below -4 count as -4)"
    )
    assert tables_line({}) == ""


def test_cuts_are_where_the_functions_are_nearly_zero():
    assert {"gelu", "silu", "mish", "hardswish"} <= {*CUTS}
    for name, cut in CUTS.items():
        below = torch.linspace(4 * cut, cut, 1001, dtype=torch.float64)
        assert getattr(torch.ops.aten, name).default(below).abs().max() < 3e-3


def test_a_comparison_measures_by_the_model_itself():
    x, model = inputs((6,), 64), far_below()
    with torch.no_grad():
        data = [(x[32:], model(x[32:]))]
    rows = {"methods": ["bit-coded", "maximum"], "steps": [4], "task": "regression", "progress": False, **HOW}
    found = iso.compare(model, [x[:32]], data, tables=("gelu",), **rows)
    assert found.ann_score < 1e-12  # rounding in float64: nothing is cut off in the ANN
    assert [cell.label for cell in found.cells] == ["bit-coded"]
    (failure,) = found.failed
    assert "maximum streams" in failure.error
    assert found.tables == {"gelu": ("1_table",)}
    assert iso.Comparison.from_dict(found.to_dict()) == found
    assert "approximate: gelu as a table from code to code at 1 site" in render(gather(found), {})
    assert iso.compare(model, [x[:32]], data, **rows).tables is None


def test_a_diagnosis_measures_by_the_model_itself():
    x, model = inputs((6,), 32), far_below()
    snn = iso.convert(model, iso.methods.BitCoded(bits=12), data=[x], tables=("gelu",), **HOW)
    found = iso.diagnose(model, snn, [x], task="regression", progress=False)
    assert found.faults == ()
    codes = iso.simulate(snn, x, record=iso.Record(codes=True)).codes
    with torch.no_grad():
        z = model[0](x)
    cut = z.clamp(min=CUTS["gelu"])
    for name, a, another in (("1_table", cut, z), ("1_site", model[1](z), model[1](cut))):
        (site,) = (site for site in found.sites if site.site == name)
        s = snn.neuron(name).decoded(codes[name] * snn.neuron(name).amplitude)
        assert site.accumulated_error == pytest.approx(((s - a).norm() / a.norm()).item(), rel=1e-9)  # rounding
        assert site.accumulated_error != pytest.approx(((s - another).norm() / another.norm()).item(), rel=1e-3)


def test_what_cannot_be_a_table_is_told_in_one_line():
    x, how = inputs((6, 8), 4), {"data": [inputs((6, 8), 4)], **HOW}
    with pytest.raises(iso.errors.UnknownNameError, match="far below zero 'tanh'; known: gelu, hardswish, mish, silu"):
        iso.convert(captured("norm first"), iso.methods.BitCoded(), tables=("tanh",), **how)
    with pytest.raises(iso.errors.OptionError, match="tables must be a list"):
        iso.convert(captured("norm first"), iso.methods.BitCoded(), tables="gelu", **how)
    with pytest.raises(iso.errors.ConversionError, match=r"tables=\['silu'\].*that have one: gelu$"):
        iso.inspect(captured("norm first"), x, sites="products", tables=("gelu", "silu"))
    with pytest.raises(iso.errors.ConversionError, match=r"sites='products' would place.*that have one: none$"):
        iso.inspect(captured("norm first"), x, sites="rectifiers", tables=("gelu",))


def emits(name: str) -> bool:
    method = methods[name]()
    return method.parts_for(method.horizons[-1]).neurons.placed.kind is Kind.EMITTING


@pytest.mark.parametrize("name", list(methods))
def test_methods_without_codes_refuse_tables(name):
    how = {"data": [inputs((6, 8), 4)], "tables": ("gelu",), **HOW}
    if emits(name):
        assert iso.convert(captured("norm first"), methods[name](), **how).provenance.tables
        return
    with pytest.raises(iso.errors.ConversionError, match=f"^{name} streams.*choose one of bit-coded, pascal, radix$"):
        iso.convert(captured("norm first"), methods[name](), **how)

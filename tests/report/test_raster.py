"""A raster shows the spikes that a run counts."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import report_sample as sample
import torch

import isospike as iso
from isospike.errors import SimulationError
from isospike.report import record_raster, write_report
from isospike.report.figures import draw
from isospike.report.raster_chart import raster_chart
from networks import ALL
from short_methods import EMITTING, FEW, METHODS, STREAMING, TYPICAL, chosen, pairs

STEPS = 12


@pytest.mark.parametrize(("name", "method"), [("ceilings", "burst"), ("max_pools", "snm"), *pairs(FEW, TYPICAL)])
def test_all_neurons_together_have_the_counted_spikes(name, method, converted):
    snn, x = converted(name, METHODS[method]), 3 * ALL[name].inputs(1)
    steps = STEPS if method in STREAMING else None
    raster = record_raster(snn, x, steps, neurons_per_site=10**6)
    executor = "layer" if method in STREAMING else "stepped"
    run = iso.simulate(chosen(snn, STEPS), x, steps=steps, executor=executor, record=iso.Record(outputs=False))
    assert [site.site for site in raster.sites] == list(snn.sites)
    for site in raster.sites:
        assert site.neurons == tuple(range(site.count))
        events = torch.zeros(site.steps, dtype=torch.long)
        worth = torch.zeros(site.steps, dtype=torch.long)
        for event in site.events:
            events[event.step - 1] += 1
            worth[event.step - 1] += abs(event.value)
        assert torch.equal(events, run.packets[site.site][:, 0])
        if method in STREAMING:  # an emitted spike is worth the weight of its step
            assert torch.equal(worth, run.spikes[site.site][:, 0])


@pytest.mark.parametrize("method", sorted(EMITTING))
def test_units_of_emitted_trains_spell_the_codes(method, converted):
    snn, x = converted("reused_relu", METHODS[method]), ALL["reused_relu"].inputs(1)
    raster = record_raster(snn, x, neurons_per_site=10**6)
    run = iso.simulate(snn, x, executor="stepped", record=iso.Record(codes=True))
    for site in raster.sites:
        codes = torch.zeros(site.count, dtype=torch.long)
        for event in site.events:
            codes[event.row] += event.value
        assert torch.equal(codes, run.codes[site.site][0].flatten())


def test_a_threshold_of_zero_shows_no_event(converted):
    snn = copy.deepcopy(converted("reused_relu", METHODS["maximum"]))
    snn.graph.get_submodule(snn.sites[0]).v_threshold.zero_()
    assert record_raster(snn, ALL["reused_relu"].inputs(1), STEPS).sites[0].events == ()


def test_the_neurons_shown_are_some_of_all_and_the_same_again(converted):
    snn, x = converted("reused_relu", METHODS["snm"]), 3 * ALL["reused_relu"].inputs(1)
    whole, some, again = (record_raster(snn, x, STEPS, neurons_per_site=n) for n in (10**6, 5, 5))
    assert some == again
    for site, full in zip(some.sites, whole.sites, strict=True):
        assert len(site.neurons) == min(5, site.count)
        assert site.count == full.count
        shown = {(e.step, site.neurons[e.row], e.value) for e in site.events}
        assert shown == {(e.step, e.row, e.value) for e in full.events if e.row in site.neurons}


def test_a_longer_run_begins_with_the_same_events(given):
    """Of 400 steps the trains arrive in pieces, of 8 in one."""
    image = torch.zeros(1, 1, 8, 8)
    short, long = (record_raster(given.networks["snm"], image, steps) for steps in (8, 400))
    for one, other in zip(short.sites, long.sites, strict=True):
        assert one.events == tuple(event for event in other.events if event.step <= 8)


def test_signs_and_sizes_are_drawn(given):
    names = {series.name for series in raster_chart(given.raster).series}
    assert names == {"Excitatory", "Inhibitory"}
    image = next(iter(sample.digits(1)))[0]
    coded = raster_chart(record_raster(given.networks["bit-coded"], image))
    (series,) = coded.series
    assert len(set(series.sizes)) > 1


@pytest.mark.parametrize("method", ["bit-coded", "pascal"])
def test_an_emitting_network_shows_the_codes_of_the_neurons(method, given):
    """Its trains are functions of them: squares by size of the codes that a run records, the largest first."""
    snn, image = given.networks[method], next(iter(sample.digits(1)))[0]
    (series,) = raster_chart(record_raster(snn, image)).series
    raster, run = record_raster(snn, image), iso.simulate(snn, image, record=iso.Record(codes=True))
    for row, site in enumerate(raster.sites):
        codes = run.codes[site.site][0].flatten()[list(site.neurons)]
        expected = [f"code {code}," for code in sorted(codes[codes > 0].tolist(), reverse=True)]
        hints = [hint for hint, y in zip(series.hints, series.y, strict=True) if y == row]
        assert [hint.split("\n")[1].split(" binary")[0] for hint in hints] == expected


def test_codes_of_both_signs_are_drawn_by_their_magnitudes():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.GELU(), torch.nn.Linear(7, 3)).eval()
    x = torch.randn(20, 5)
    method = iso.methods.BitCoded(bits=4)
    snn = iso.convert(model, method, data=[x], sites="products", analogue="allow", task="regression")
    raster, codes = record_raster(snn, x[:1]), iso.simulate(snn, x[:1], record=iso.Record(codes=True)).codes
    chart = raster_chart(raster)
    known = torch.cat([codes[site.site][0].flatten()[list(site.neurons)] for site in raster.sites])
    assert [series.name for series in chart.series] == ["Code", "Negative code"]
    assert [len(series.x) for series in chart.series] == [int((known > 0).sum()), int((known < 0).sum())]
    assert "Diamonds are negative." in chart.note
    sizes = {size for series in chart.series for size in series.sizes}
    magnitudes = known.abs()[known != 0].unique()
    assert sorted(sizes) == pytest.approx([20 * math.sqrt(m / magnitudes.max().item()) for m in magnitudes.tolist()])
    assert draw(chart).axes


def test_no_spike_is_a_chart(given, tmp_path):
    silent = replace(given.raster, sites=tuple(replace(site, events=()) for site in given.raster.sites))
    chart = raster_chart(silent)
    assert chart.series[0].x == ()
    assert "None of them spiked" in chart.note
    write_report(tmp_path / "r.html", given.comparison, raster=silent)
    assert draw(chart).axes


@pytest.mark.parametrize("x", [torch.rand(2, 1, 8, 8), torch.rand(0, 1, 8, 8), "image"], ids=["two", "none", "text"])
def test_more_or_less_than_one_image_is_refused(x, given):
    with pytest.raises(SimulationError, match="one image"):
        record_raster(given.networks["snm"], x, 4)


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_numbers_of_neurons_are_checked(count, given):
    with pytest.raises(SimulationError, match="neurons_per_site"):
        record_raster(given.networks["snm"], torch.rand(1, 1, 8, 8), 4, neurons_per_site=count)


def test_a_calibrated_network_needs_its_steps(converted):
    snn, x = converted("reused_relu", METHODS["calibration-light"]), ALL["reused_relu"].inputs(1)
    assert record_raster(snn, x, 12).steps == 12
    for steps in (None, 5):
        with pytest.raises(SimulationError, match="calibrated for"):
            record_raster(snn, x, steps)

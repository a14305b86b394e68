"""The bound from all layers' own errors: products of spectral norms in a chain, sums of squares where branches meet."""

from __future__ import annotations

import math

import torch

from isospike.diagnosis.tally import SiteTally, model_bounds


def tally(own: float, norm: float | None, **measured: float) -> SiteTally:
    made = SiteTally(1, norm)
    made.add("intra", torch.tensor([own], dtype=torch.float64))
    for source, error in measured.items():
        made.arrive(source, torch.tensor([error], dtype=torch.float64))
    return made


def test_a_chain_amplifies_by_the_products_of_the_norms():
    chain = {
        "a": tally(3.0, None),
        "b": tally(5.0, 2.0, a=1.0),
        "c": tally(7.0, 0.5, b=1.0),
        "d": tally(1.0, 4.0, c=1.0),
    }
    found = model_bounds(chain)
    assert found == {"a": 3.0, "b": 5 + 2 * 3.0, "c": 7 + 0.5 * (5 + 2 * 3), "d": 1 + 4 * (7 + 0.5 * (5 + 2 * 3))}
    own = {"a": 3.0, "b": 5.0, "c": 7.0, "d": 1.0}
    assert found["d"] == own["d"] + 4 * own["c"] + 4 * 0.5 * own["b"] + 4 * 0.5 * 2 * own["a"]


def test_branches_add_up_in_squares_and_what_is_no_site_is_measured():
    nets = {"a": tally(3.0, None), "b": tally(4.0, None), "c": tally(1.0, 2.0, a=0.1, b=0.1, pool=12.0)}
    assert model_bounds(nets)["c"] == 1 + 2 * math.sqrt(9 + 16 + 144)


def test_a_site_without_a_bound_counts_as_measured():
    nets = {"a": tally(3.0, None), "b": tally(1.0, 2.0, a=5.0)}
    nets["a"].bounded = False
    assert model_bounds(nets) == {"a": None, "b": 1 + 2 * 5.0}

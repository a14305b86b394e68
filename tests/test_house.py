"""The targets of the house, over all its files; `python tests/house.py` prints the measures."""

from __future__ import annotations

import statistics

import house
from isospike.activations import activations
from isospike.methods import methods

NAMESAKES = {activations[name].__name__: ["activations", "methods"] for name in activations if name in set(methods)}
"""An activation, and the method for networks trained with it, have the one name that their paper gave both: a user
trains with `activations.QCFS` and converts with `methods.QCFS`. Nothing else may have the name of another thing."""


def test_no_files_import_each_other():
    assert house.circle() == []


def test_no_public_name_is_defined_twice():
    twice = {name: [file.partition("/")[0] for file in files] for name, files in house.twice_defined().items()}
    assert twice == NAMESAKES


def test_a_name_of_a_package_is_one_thing():
    assert house.names_of_two_things() == []


def test_functions_are_short():
    assert [str(place) for place in house.long_functions()] == []


def test_files_are_short():
    lengths = house.file_lengths()
    assert [name for name, count in lengths.items() if count > house.LONGEST_FILE] == []
    assert house.MEDIAN_FILE[0] <= statistics.median(lengths.values()) <= house.MEDIAN_FILE[1]


def test_arguments_beyond_the_third_have_names():
    assert [str(place) for place in house.wide_functions()] == []

"""The targets of the house, over all its files; `python tests/house.py` prints the measures."""

from __future__ import annotations

import statistics

import house

NAMESAKES = {"QCFS", "SlipReLU"}
"""An activation and the method for networks trained with it have the name that their paper gave both."""


def test_no_files_import_each_other():
    assert house.circle() == []


def test_no_public_name_is_defined_twice():
    assert {name: files for name, files in house.twice_defined().items() if name not in NAMESAKES} == {}


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

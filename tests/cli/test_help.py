"""Help texts, compared exactly; `ISOSPIKE_UPDATE_GOLDEN=1` writes them anew (see `golden` in conftest.py)."""

from __future__ import annotations

import pytest

from isospike.activations import activations
from isospike.cli.main import COMMANDS
from isospike.methods import methods
from isospike.targets import exporters

TEXTS = {
    "help": ["--help"],
    **{f"help-{name}": [name, "--help"] for name in COMMANDS},
    **{f"help-convert-{name}": ["convert", name, "--help"] for name in methods},
    **{f"help-train-{name}": ["train", name, "--help"] for name in activations},
    **{f"help-export-{name}": ["export", name, "--help"] for name in exporters},
    "methods": ["methods"],
    **{f"methods-{name}": ["methods", name] for name in methods},
}


@pytest.mark.parametrize("name", TEXTS)
def test_help(name, cli, golden):
    result = cli(*TEXTS[name])
    assert (result.code, result.err) == (0, "")
    golden(name, result.out)


def test_short_help_is_help(cli):
    assert cli("-h").out == cli("--help").out


@pytest.mark.parametrize("name", list(methods))
def test_every_option_of_a_method_is_in_its_help(name, cli):
    from isospike.options import options_of as fields_of

    text = " ".join(cli("convert", name, "--help").out.split())
    for field in fields_of(methods[name]):
        assert f"--{field.name.replace('_', '-')}" in text
        if field.form.words == "true or false":
            assert f"--no-{field.name.replace('_', '-')}" in text
        assert field.help.split(";")[0].split(",")[0] in text


def test_version(cli):
    import isospike

    assert cli("--version").out == f"isospike {isospike.__version__}\n"

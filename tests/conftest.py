from __future__ import annotations

import gc
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import isospike as iso
from networks import ALL

gc.set_threshold(50_000)  # captures make objects by the million and few cycles: a sixth of the time went into looking
LIMIT = 600
"""Seconds for one test: far above the slowest on a busy machine, far below a run that never ends."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", type=int, default=1, help="of every test, one in so many cases, the first among them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share, cases, chosen, left_out = config.getoption("--share"), Counter[str](), [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        (left_out if cases[name] % share else chosen).append(item)
        cases[name] += 1
    items[:] = chosen
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def ends_in_time() -> Iterator[None]:
    """A test that does not come back fails instead of stopping the suite."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"the test ran for more than {LIMIT} s")


class _Once:
    """Calls a function once per argument; what it raised is raised again."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._results: dict[object, object] = {}

    def __call__(self, *key: object) -> object:
        if key not in self._results:
            try:
                self._results[key] = self._function(*key)
            except Exception as error:
                self._results[key] = error
        result = self._results[key]
        if isinstance(result, Exception):
            raise result
        return result

    def made(self) -> list[tuple[object, Any]]:
        """Keys and results, without what was raised."""
        return [(key, value) for key, value in self._results.items() if not isinstance(value, Exception)]


def _capture(name: str) -> iso.Graph:
    return iso.capture(ALL[name].build(), ALL[name].inputs(2))


_captured = _Once(_capture)


def _convert(name: str, method: iso.methods.Method) -> iso.SNN:
    torch.manual_seed(0)
    data = [ALL[name].inputs(8, seed=10), ALL[name].inputs(8, seed=11)]
    return iso.convert(_captured(name), method, data=data, analogue="allow")


_converted = _Once(_convert)


@pytest.fixture(scope="session")
def captured() -> Callable[[str], iso.Graph]:
    """The captured graph of a network of `networks.ALL`, by name; shared, so never to be changed."""
    return _captured


@pytest.fixture(scope="session")
def converted() -> Callable[[str, iso.methods.Method], iso.SNN]:
    """The spiking network of a network's name and a method; shared, so never to be changed."""
    return _converted


@pytest.fixture(autouse=True)
def shared_networks_stay_as_they_are() -> Iterator[None]:
    """A test that casts a shared network fails itself, not the tests behind it."""
    yield
    cast = [key for key, snn in _converted.made() if snn.reference_tensor.dtype is not torch.float64]
    assert not cast, f"the test cast the shared networks {cast}; copy them first"

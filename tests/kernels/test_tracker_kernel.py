"""The kernel of the streaming neurons and the torch loop give the same bits, whatever the shapes and layouts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isospike.errors import NativeError
from isospike.kernels import TrackerRule, availability, track
from isospike.kernels.tracker_loop import advance_by_torch
from isospike.memory_format import empty_sequence
from isospike.neurons import (
    BufferedNeuron,
    BurstNeuron,
    EventCounts,
    Graded,
    HardReset,
    IntegrateAndFire,
    SignedMemory,
    StreamingNeuron,
    Tracker,
)
from isospike.ops.signed_site import SignedSite

needs_kernels = pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")
STEPS = 7
KINDS: dict[str, Callable[..., StreamingNeuron]] = {
    "integrate-and-fire": IntegrateAndFire,
    "hard-reset": HardReset,
    "burst": BurstNeuron,
    "signed-memory": SignedMemory,
    "buffered": BufferedNeuron,
    "buffered-8": lambda *tensors, **options: BufferedNeuron(*tensors, largest=8, **options),
    "graded-7": lambda *tensors, **options: Graded(*tensors, largest=7, **options),
    "signed-integrate-and-fire": lambda *tensors, **options: IntegrateAndFire(*tensors, SignedSite(), **options),
    "signed-buffered-8": lambda *tensors, **options: BufferedNeuron(*tensors, SignedSite(), largest=8, **options),
    "signed-graded-7": lambda *tensors, **options: Graded(*tensors, SignedSite(), largest=7, **options),
}
SHAPES = [(2, 5), (3, 1030), (2, 3, 17, 9), (1, 64, 8, 8), (2, 4, 1, 1), (2, 3, 4, 5, 6), (5, 1, 3, 3), (2, 3, 40)]
"""Of one step: features, maps, volumes, sequences; below and above one block of neurons."""


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def laid_out(x: Tensor, layout: str) -> Tensor:
    """``[T, B, ...]``, channels innermost where asked for and possible."""
    if layout == "channels_last" and x.dim() == 5:
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    return x


def parameter(kind: str, sample: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a threshold for samples of this shape."""
    return {"scalar": (), "channel": (sample[0], *(1,) * (len(sample) - 1)), "neuron": sample}[kind]


def without_kernels() -> contextlib.AbstractContextManager[object]:
    """The processor as one for which there are none."""
    return mock.patch("isospike.kernels.tracker.outcome", return_value=NativeError("none"))


def run(neuron: StreamingNeuron, x: Tensor, sizes: tuple[int, ...], *, overwrite: bool, kernels: bool):
    """Chunks of ``sizes`` steps one after the other: outputs, spikes, packets and the memory."""
    memory, parts, counts = neuron.start(x[0]), [], []
    with contextlib.nullcontext() if kernels else without_kernels():
        for part in x.split(sizes):
            mine = empty_sequence(part).copy_(part) if overwrite else part
            out, events = neuron.advance(mine, memory, overwrite=overwrite)
            parts.append(out.clone())
            counts.append(events)
    spikes, packets = (torch.cat([getattr(c, kind) for c in counts]) for kind in ("spikes", "packets"))
    return [torch.cat(parts), spikes, packets, *(memory[key] for key in sorted(memory))]


@pytest.mark.parametrize("kind", KINDS)
@given(
    shape=st.sampled_from(SHAPES),
    layout=st.sampled_from(["channels_last", "contiguous"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    own=st.tuples(*[st.sampled_from(["scalar", "channel", "neuron"])] * 3),
    schedule=st.sampled_from([0, 1, STEPS]),
    sizes=st.sampled_from([(STEPS,), (1,) * STEPS, (3, 4)]),
    overwrite=st.booleans(),
    constant=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_kernel_torch_and_chunks_agree(kind, shape, layout, dtype, own, schedule, sizes, overwrite, constant, seed):
    steps = 1 if constant else STEPS
    x = laid_out(random(steps, *shape, dtype=dtype, seed=seed), layout).expand(STEPS, *shape)
    theta, v_init, bias = (parameter(each, shape[1:]) for each in own)
    neuron = KINDS[kind](
        random(*theta, dtype=dtype, seed=1).abs() / 3 + 0.1,
        random(*v_init, dtype=dtype, seed=2) / 3,
        bias=random(schedule, *bias, dtype=dtype, seed=3) / 3 if schedule else None,
    )
    native = run(neuron, x, sizes, overwrite=overwrite, kernels=True)
    looped = run(neuron, x, (STEPS,), overwrite=False, kernels=False)
    for a, b in zip(native, looped, strict=True):
        assert torch.equal(a, b)
    out, spikes, packets = looped[:3]
    levels = (out / neuron.v_threshold).round().flatten(2)
    assert torch.equal(spikes, levels.abs().sum(2).long())
    assert torch.equal(packets, (out != 0).flatten(2).sum(2))
    assert levels.max() <= neuron.largest
    assert levels.min() >= -(neuron.largest if neuron.is_signed else getattr(neuron, "down", 0))


def tracked(x: Tensor, v: Tensor | None = None) -> tuple[bool, Tensor]:
    """Whether the kernel in C computed, and the counts."""
    start = torch.zeros_like(x[0]) if v is None else v
    with mock.patch("isospike.kernels.tracker.advance_by_torch", wraps=advance_by_torch) as twin:
        threshold, rule = torch.ones((), dtype=x.dtype), TrackerRule(1, 0)
        counts = track(x, empty_sequence(x), start, None, threshold, None, rule)
    return not twin.called, counts


@needs_kernels
@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
def test_the_kernel_takes_what_executors_hand_over(layout):
    x = laid_out(random(4, 2, 3, 5, 5), layout)
    for part in (x, x[:1].expand(4, -1, -1, -1, -1), x[1:3]):
        native, counts = tracked(part)
        assert native
        assert counts.shape == (2, len(part), 2)


@needs_kernels
def test_threads_share_the_work():
    x, threads = random(3, 4, 8, 64, 64), torch.get_num_threads()
    results = []
    for count in (1, 3):
        torch.set_num_threads(count)
        results.append(run(SignedMemory(torch.tensor(0.7), torch.tensor(0.1)), x, (3,), overwrite=False, kernels=True))
    torch.set_num_threads(threads)
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


def test_what_the_kernel_does_not_know_is_left_alone():
    x = random(4, 2, 6, 5, 5)
    for strange in (x.transpose(0, 1), x.transpose(3, 4), x[::2], x.half(), x[:, :0]):
        native, counts = tracked(strange)
        assert not native
        assert torch.equal(counts, tracked(strange.contiguous())[1])
    assert not tracked(x, torch.zeros(2, 6, 5, 5).contiguous(memory_format=torch.channels_last))[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_types_count_right(kind, dtype):
    x = torch.randint(-4, 8, (5, 2, 3, 4, 4), generator=torch.Generator().manual_seed(0)).to(dtype) / 2
    one = torch.tensor(1.0)
    narrow = run(KINDS[kind](one.to(dtype), one.to(dtype) / 2), x, (5,), overwrite=False, kernels=True)
    wide = run(KINDS[kind](one, one / 2), x.float(), (5,), overwrite=False, kernels=True)
    for a, b in zip(narrow, wide, strict=True):
        assert torch.equal(a.double(), b.double())


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hard-reset"])
def test_infinite_currents_and_silent_thresholds_give_whole_numbers(kind, kernels):
    """No count is anything but a number of spikes within the limits, also at a threshold of zero."""
    x = torch.tensor([0.5, 0.0, float("inf"), float("-inf"), 1.0, float("nan"), 2.0]).view(7, 1, 1).expand(7, 1, 9)
    for theta in (1.0, 0.0):
        neuron = KINDS[kind](torch.tensor(theta), torch.tensor(0.0))
        _, spikes, packets, *_ = run(neuron, x, (7,), overwrite=False, kernels=kernels)
        assert spikes.min() >= 0
        assert (spikes <= 9 * neuron.largest).all()
        assert (packets <= 9).all()


def test_a_threshold_is_compared_exactly():
    """The plain neuron divides nothing: one rounding below the threshold stays silent."""
    theta = torch.rand(1000, generator=torch.Generator().manual_seed(0)) + 0.1
    for v, expected in ((theta, 1000), (torch.nextafter(theta, torch.zeros(())), 0)):
        for kind in (IntegrateAndFire, BurstNeuron, SignedMemory, BufferedNeuron):
            neuron: Tracker = kind(theta, torch.zeros(()))
            _, counts = neuron.advance(v.view(1, 1, -1).clone(), neuron.start(v.view(1, -1)), overwrite=True)
            assert isinstance(counts, EventCounts)
            assert counts.spikes.item() == expected

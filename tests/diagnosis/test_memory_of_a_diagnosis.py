"""Memory depends on neither the number of images nor on T."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, torch, isospike as iso
torch.manual_seed(0)
layers = [torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(16 * 144, 4)).eval()
snn = iso.convert(model, iso.methods.Maximum(), data=[torch.rand(4, 1, 12, 12)])
graph = iso.capture(model, torch.rand(2, 1, 12, 12))
for batches, steps in ((1, 512), (1, 1280), (30, 4)):
    iso.diagnose(graph, snn, (torch.rand(8, 1, 12, 12) for _ in range(batches)), steps=steps)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory():
    """The train of one site over 1280 steps and 8 images is 94 MB, that over 512 steps fills the budgets already."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=300)
    few, long, many = map(int, done.stdout.split())
    assert long < few + 50_000  # kilobytes; the allocator keeps pieces
    assert many < long + 1_000

#!/usr/bin/env bash
# Creates .venv-spikingjelly, the separate environment of peer_spikingjelly.py.
#
# SpikingJelly 2.0.0 brings its own torch; the environment of isospike stays untouched.
# usage: benchmarks/create_peer_environment.sh        (PYTHON=... chooses the interpreter)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment=.venv-spikingjelly
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/python" -m pip install torch==2.13.0 spikingjelly==2.0.0
"$environment/bin/python" -c '
import importlib.metadata, torch
print("torch", torch.__version__, "spikingjelly", importlib.metadata.version("spikingjelly"))'
echo "run: $environment/bin/python benchmarks/peer_spikingjelly.py --network resnet18-cifar"

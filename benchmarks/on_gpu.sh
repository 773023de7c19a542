#!/usr/bin/env bash
# What recurrent layers cost on a GPU, beside the CPU of the same machine: JAX and torch, in about 8 minutes.
#
#   benchmarks/on_gpu.sh OUT            rows and charts go to OUT; installs nothing
#   WHEELS=.whl benchmarks/on_gpu.sh OUT    first installs the wheels in .whl, for a machine without a network
#   DEVICES=cpu benchmarks/on_gpu.sh OUT    the same on a CPU, to try it
#
# Where the network is, the wheels that such a machine lacks are fetched by
#   python -m pip download --only-binary=:all: --python-version 3.12 --no-deps -d .whl keras namex optree ...
# Afterwards: python -m benchmarks publish --results OUT --as gpu
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: benchmarks/on_gpu.sh OUT}
mkdir -p "$out"
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if [[ -n ${WHEELS:-} ]]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$site" "$WHEELS"/*.whl
fi
export PYTHONPATH="$PWD:$site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 MPLBACKEND=Agg
# Without an installation nothing announces the plugin to pytest.
plugin=(-p rnn_zoo_pytest)
if python3 -c 'import importlib.metadata as m, sys; sys.exit(not m.entry_points(group="pytest11", name="rnn-zoo"))'; then
    plugin=()
fi
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv || true
timeout "${SECONDS_LEFT:-460}" python3 -m pytest "${plugin[@]}" --benchmark -p no:cacheprovider \
    --zoo-profile gpu --zoo-backends jax,torch --zoo-devices "${DEVICES:-cpu,gpu}" \
    --zoo-budget "${BUDGET:-240}" "--zoo-results=$out" --zoo-resume | tee "$out/log.txt"

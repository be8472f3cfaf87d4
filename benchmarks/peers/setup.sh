#!/usr/bin/env bash
# Build the environments of the libraries that the benchmarks compare with, in $SKLIP_PEERS.
# deel-lip 1.5 needs TensorFlow < 2.16 and NumPy < 2.
set -euo pipefail
home=${SKLIP_PEERS:-$HOME/.cache/sklip-peers}
mkdir -p "$home"
if [ ! -x "$home/deel-lip/bin/python" ]; then
  python3 -m venv "$home/deel-lip"
  "$home/deel-lip/bin/python" -m pip install --quiet "tensorflow-cpu==2.15.1" "numpy<2" scikit-learn
  "$home/deel-lip/bin/python" -m pip install --quiet --no-deps "deel-lip==1.5.0"
fi
echo "$home"

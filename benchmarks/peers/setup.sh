#!/usr/bin/env bash
# Build the environments of the libraries that the benchmarks compare with, in $SKLIP_PEERS.
# deel-lip 1.5 needs TensorFlow < 2.16 and NumPy < 2; deel-torchlip 1.0.5 needs PyTorch, some gigabytes where only
# its CUDA build is to be had. SKLIP_PEERS_ONLY=deel-lip or torchlip builds one.
set -euo pipefail
home=${SKLIP_PEERS:-$HOME/.cache/sklip-peers}
only=${SKLIP_PEERS_ONLY:-"deel-lip torchlip"}
mkdir -p "$home"
# A build that broke off has no such file, and is begun again.
wanted() { [[ " $only " == *" $1 "* && ! -e "$home/$1/complete" ]]; }
if wanted deel-lip; then
  python3 -m venv "$home/deel-lip"
  "$home/deel-lip/bin/python" -m pip install --quiet "tensorflow-cpu==2.15.1" "numpy<2" scikit-learn
  "$home/deel-lip/bin/python" -m pip install --quiet --no-deps "deel-lip==1.5.0"
  touch "$home/deel-lip/complete"
fi
if wanted torchlip; then
  python3 -m venv "$home/torchlip"
  "$home/torchlip/bin/python" -m pip install --quiet "torch==2.13.0" scikit-learn "deel-torchlip==1.0.5"
  touch "$home/torchlip/complete"
fi
echo "$home"

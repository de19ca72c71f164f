#!/usr/bin/env bash
# Checks this computer's GPU: tests/gpu/check.sh [RESULTS.json]. It takes under eight minutes, but for building the first time, and
# needs no network. What to send is RESULTS.json (target/gpu/results.json if no other file is named).
set -euo pipefail
folder="$(dirname "${BASH_SOURCE[0]}")/../../target/gpu"
[[ -x "$folder/burnisher-gpu-check" ]] || "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec "$folder/burnisher-gpu-check" "${1:-$folder/results.json}"

#!/usr/bin/env bash
# Runs everything that must pass: formatting, clippy and all tests. On Debian it first installs what they need and isn't
# there yet: a linker and C headers to build with, and Mesa's software Vulkan, so that the GPU's code runs without a GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packaging/linux/setup.sh gcc libc6-dev libvulkan1 mesa-vulkan-drivers
if command -v rustup >/dev/null; then
    rustup component add rustfmt clippy
fi

cargo fmt --check
cargo clippy --locked --all-targets -- --deny warnings
cargo test --locked

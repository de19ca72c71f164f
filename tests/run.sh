#!/usr/bin/env bash
# Runs everything that must pass: formatting, clippy and all tests. On Debian it first installs what they need and isn't
# there yet: a linker and C headers to build with, Mesa's software Vulkan, so that the GPU's code runs without a GPU, and what
# opens and drives a window without a screen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packaging/linux/setup.sh gcc libc6-dev libvulkan1 mesa-vulkan-drivers \
    xvfb xdotool libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0
if command -v rustup >/dev/null; then
    rustup component add rustfmt clippy
fi

cargo fmt --check
cargo clippy --locked --all-targets -- --deny warnings
cargo test --locked

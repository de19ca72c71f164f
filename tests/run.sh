#!/usr/bin/env bash
# Runs everything that must pass: formatting, the licences and origins of crates, clippy and all tests. On Debian it first
# installs what they need and isn't there yet: a linker and C headers to build with, Mesa's software Vulkan, so that the GPU's
# code runs without a GPU, and what opens and drives a window without a screen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packaging/linux/setup.sh gcc libc6-dev libvulkan1 mesa-vulkan-drivers \
    xvfb xdotool libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0
if command -v rustup >/dev/null; then
    rustup component add rustfmt clippy
fi

cargo fmt --check
tests/deny.sh

# burn depends on this crate, and cargo judges it by the time of its files: a fresh checkout would compile burn again. The
# crate's version, which is raised with each change, says what the time can't.
find crates -type f -exec touch --date=2026-01-01 {} +

# Clippy is the compiler with more lints. As the compiler of the tests it makes the one pass, and the dependencies are
# compiled once: `cargo clippy` would check all of them first. (What `cargo clippy` sets is set here.)
export RUSTC_WORKSPACE_WRAPPER=clippy-driver
export CLIPPY_ARGS=--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
cargo test --locked --all-targets --no-run
cargo test --locked
cargo test --locked -p turso

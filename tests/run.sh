#!/usr/bin/env bash
# Runs everything that must pass: formatting, clippy and all tests. On Debian it first installs what they need and isn't
# there yet: a linker and C headers to build with, and Mesa's software Vulkan, so that the GPU's code runs without a GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if command -v apt-get >/dev/null; then
    missing=()
    for package in gcc libc6-dev libvulkan1 mesa-vulkan-drivers; do
        dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    if ((${#missing[@]})); then
        as_root=()
        ((EUID == 0)) || as_root=(sudo)
        "${as_root[@]}" apt-get update
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
    fi
fi
if command -v rustup >/dev/null; then
    rustup component add rustfmt clippy
fi

cargo fmt --check
cargo clippy --locked --all-targets -- --deny warnings
cargo test --locked

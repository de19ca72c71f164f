#!/usr/bin/env bash
# Collects the licences of all crates that the program is linked from, with cargo-about: packaging/licences.sh FILE.html
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
about="$(packaging/tool.sh cargo-about 0.9.3 --features cli)"
"$about" generate --locked --fail --config packaging/about.toml --output-file "$1" packaging/about.hbs

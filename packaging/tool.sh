#!/usr/bin/env bash
# Prints where a cargo tool of this name and version is, after compiling it if it isn't in the target folder yet:
#     packaging/tool.sh NAME VERSION [OPTIONS OF cargo install]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=$1 version=$2
tools="${CARGO_TARGET_DIR:-$PWD/target}/tools/$name-$version"
if [[ ! -x "$tools/bin/$name" ]]; then
    env --unset=CARGO_TARGET_DIR --unset=RUSTC_WORKSPACE_WRAPPER CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install --locked --root "$tools" "${@:3}" "$name@$version" >&2
fi
echo "$tools/bin/$name"

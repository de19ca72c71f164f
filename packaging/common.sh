#!/usr/bin/env bash
# What the packages' scripts have in common; they source it. Packages are written into the folder packages of cargo's target folder.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
packages="$CARGO_TARGET_DIR/packages"
# shellcheck disable=SC2034  # who sources this uses it
program="${PROGRAM:-$CARGO_TARGET_DIR/dist/burnisher}"
version="$(sed -n '/^version/{s/.*"\(.*\)"/\1/p;q;}' Cargo.toml)"
architecture="$(uname -m)"
# Times inside packages are those of the commit, so that the same commit gives the same packages.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH version architecture
mkdir -p "$packages"

# Builds the program as it is shipped, unless PROGRAM names one that is built already; the arguments are rustc's. The symbol table
# is left out here, since cargo takes no `strip` from a profile for a package that has a level of its own.
build() {
    [[ -n "${PROGRAM:-}" ]] || cargo rustc --locked --profile dist --bin burnisher -- -C strip=symbols "$@"
}

# Writes the checksum of a package beside it, and says how large both the package and the program are.
finish() {
    (cd "$packages" && if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi >"$1.sha256")
    echo "$packages/$1: $(($(wc -c <"$packages/$1") / 1000000)) MB"
}

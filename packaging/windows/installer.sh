#!/usr/bin/env bash
# Makes Burnisher-VERSION-windows-ARCHITECTURE.exe, an installer, on Windows: in the bash of Git for Windows, with llvm-rc and NSIS
# (makensis) in the PATH. PROGRAM names a burnisher.exe that is built already: with it the installer can be made elsewhere too.
set -euo pipefail
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
# A path as the system's own programs want it.
native() { if command -v cygpath >/dev/null; then cygpath --mixed "$1"; else echo "$1"; fi; }

numbers="${version%%-*}.0"
if [[ -z "${PROGRAM:-}" ]]; then
    sed "s/@VERSION@/$version/; s/@NUMBERS@/${numbers//./,}/; /^\/\//d" packaging/windows/burnisher.rc >"$stage/burnisher.rc"
    cp packaging/windows/burnisher.ico "$stage"
    (cd "$stage" && MSYS2_ARG_CONV_EXCL='*' llvm-rc /no-preprocess burnisher.rc)
    # The linker takes the compiled resources, and the manifest as it is.
    build -C "link-arg=$(native "$stage/burnisher.res")" -C link-arg=/MANIFEST:EMBED \
        -C "link-arg=/MANIFESTINPUT:$(native "$PWD/packaging/windows/burnisher.manifest")"
    "$program" document "$stage/made"
    PROGRAM="$program.exe"
fi

mkdir "$stage/files"
cp "$PROGRAM" "$stage/files/burnisher.exe"
[[ ! -d "$stage/made" ]] || cp "$stage/made/_burnisher.ps1" "$stage/files"
cp THIRD_PARTY.md "$stage/files"
cp LICENSE-MIT "$stage/files/LICENSE-MIT.txt"
cp LICENSE-APACHE "$stage/files/LICENSE-APACHE.txt"
packaging/licences.sh "$(native "$stage/files/THIRD_PARTY_CRATES.html")"

name="Burnisher-$version-windows-$architecture.exe"
makensis -V2 -DVERSION="$version" -DNUMBERS="$numbers" -DFILES="$(native "$stage/files")" \
    -DOUTPUT="$(native "$packages/$name")" packaging/windows/installer.nsi
finish "$name"

#!/usr/bin/env bash
# Builds the program and lays out what all Linux packages contain: packaging/linux/stage.sh FOLDER gets usr/bin, usr/share.
set -euo pipefail
folder="$(realpath -m "$1")"
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# Relocations are written as a bitmap, which saves 6 MB and needs glibc 2.36 or newer. Functions that are the same to the byte are
# folded, as linkers of other systems do by themselves; constants aren't, since some crates know theirs by address. Only on x86-64
# is the linker rustc's own.
if [[ "$architecture" == x86_64 ]]; then
    build -C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,--icf=all
else
    build
fi

rm -rf "$folder"
share="$folder/usr/share"
install -D --mode=755 "$program" "$folder/usr/bin/burnisher"
install -D --mode=644 assets/icon.png "$share/icons/hicolor/256x256/apps/burnisher.png"
install -D --mode=644 packaging/linux/burnisher.desktop -t "$share/applications"
install -D --mode=644 packaging/linux/org.burnisher.Burnisher.metainfo.xml -t "$share/metainfo"
install -D --mode=644 packaging/linux/mime.xml "$share/mime/packages/burnisher.xml"

made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
"$program" document "$made"
install -D --mode=644 "$made"/*.1 -t "$share/man/man1"
gzip --no-name --best "$share"/man/man1/*.1
install -D --mode=644 "$made/burnisher.bash" "$share/bash-completion/completions/burnisher"
install -D --mode=644 "$made/_burnisher" -t "$share/zsh/vendor-completions"
install -D --mode=644 "$made/burnisher.fish" -t "$share/fish/vendor_completions.d"

doc="$share/doc/burnisher"
install -D --mode=644 README.md CHANGELOG.md THIRD_PARTY.md LICENSE-MIT LICENSE-APACHE -t "$doc"
packaging/licences.sh "$doc/THIRD_PARTY_CRATES.html"
chmod -R u=rwX,go=rX "$folder"

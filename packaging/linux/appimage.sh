#!/usr/bin/env bash
# Makes Burnisher-VERSION-ARCHITECTURE.AppImage: one file that runs where X11 or Wayland and Vulkan are. An AppImage is a runtime,
# which mounts what follows it and starts it, and then a compressed file system. The runtime is the AppImage project's:
# APPIMAGE_RUNTIME names one that is here already, such as a build of their sources; otherwise their release is downloaded.
set -euo pipefail
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
packaging/linux/setup.sh squashfs-tools curl ca-certificates
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT

runtime="${APPIMAGE_RUNTIME:-$stage/runtime}"
if [[ ! -e "$runtime" ]]; then
    curl --fail --location --silent --show-error --output "$runtime" \
        "https://github.com/AppImage/type2-runtime/releases/download/20251108/runtime-$architecture"
fi

root="$stage/root"
packaging/linux/stage.sh "$root"
ln -s usr/bin/burnisher "$root/AppRun"
ln -s burnisher.png "$root/.DirIcon"
cp "$root/usr/share/icons/hicolor/256x256/apps/burnisher.png" "$root/usr/share/applications/burnisher.desktop" "$root"

name="Burnisher-$version-$architecture.AppImage"
mksquashfs "$root" "$stage/files" -quiet -no-progress -root-owned -noappend -comp zstd -Xcompression-level 19
cat "$runtime" "$stage/files" >"$packages/$name"
chmod +x "$packages/$name"
finish "$name"

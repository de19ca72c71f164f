#!/usr/bin/env bash
# Makes burnisher_VERSION_ARCHITECTURE.deb for Debian, Ubuntu and their relatives that are as new as the system it is built on.
set -euo pipefail
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
packaging/linux/setup.sh dpkg-dev
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
root="$stage/root"
packaging/linux/stage.sh "$root"

doc="$root/usr/share/doc/burnisher"
cp packaging/linux/copyright "$doc/copyright"
rm "$doc/LICENSE-MIT" "$doc/LICENSE-APACHE"
cat >"$doc/changelog" <<END
burnisher ($version) unstable; urgency=medium

  * Version $version: see CHANGELOG.md in this folder.

 -- The Burnisher developers <developers@burnisher.org>  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
gzip --no-name --best "$doc/changelog" "$doc/THIRD_PARTY_CRATES.html"

# What the program is linked to, and what it opens by name when it runs: X11's libraries, Wayland's, and Vulkan's.
mkdir "$stage/debian" "$root/DEBIAN"
printf 'Source: burnisher\n\nPackage: burnisher\nArchitecture: any\n' >"$stage/debian/control"
linked="$(cd "$stage" && dpkg-shlibdeps -O root/usr/bin/burnisher 2>/dev/null | sed -n 's/^shlibs:Depends=//p')"
cat >"$root/DEBIAN/control" <<END
Package: burnisher
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The Burnisher developers <developers@burnisher.org>
Section: graphics
Priority: optional
Installed-Size: $(du --summarize --apparent-size --block-size=1024 --exclude=DEBIAN "$root" | cut -f1)
Depends: $linked, libvulkan1, libwayland-client0, libx11-6, libx11-xcb1, libxcursor1, libxi6, libxkbcommon-x11-0, libxkbcommon0
Recommends: mesa-vulkan-drivers | vulkan-icd, xdg-desktop-portal
Description: draw pictures from words on your own computer
 Burnisher draws pictures with Stable Diffusion: in one native program, with
 no Python, no server and no account, on any GPU, and on the CPU when there
 is none. It has a window and a command line. A small model is bundled, so
 the first picture needs no download.
END
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

name="burnisher_${version}_$(dpkg --print-architecture).deb"
dpkg-deb --root-owner-group -Zxz --build "$root" "$packages/$name" >/dev/null
finish "$name"

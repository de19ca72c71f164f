#!/usr/bin/env bash
# On Debian and its relatives, installs the named packages that aren't there yet; elsewhere it does nothing.
# Without a name: what building needs, a linker and C headers, and what the window needs, a Vulkan driver and X11.
set -euo pipefail
command -v apt-get >/dev/null || exit 0
(($#)) || set -- gcc libc6-dev libvulkan1 mesa-vulkan-drivers libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0
missing=()
for package in "$@"; do
    dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
((${#missing[@]})) || exit 0
as_root=()
((EUID == 0)) || as_root=(sudo)
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"

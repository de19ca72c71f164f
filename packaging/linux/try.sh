#!/usr/bin/env bash
# Tries a package in a clean Debian, as root: packaging/linux/try.sh FILE.deb|FILE.AppImage|FILE.tar.xz [FOLDER FOR PICTURES]
# It makes the system with debootstrap, without anything to develop with, installs the package there, has the program draw a
# picture by command, then opens the window on a screen without a monitor and has it draw one.
set -euo pipefail
package="$(realpath "$1")"
seen="$(realpath -m "${2:-.}")"
mkdir -p "$seen"
"$(dirname "${BASH_SOURCE[0]}")/setup.sh" debootstrap

root="$(mktemp -d)"
trap 'umount --quiet "$root/proc" "$root/dev" || true; rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase "${DEBIAN_SUITE:-bookworm}" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >/dev/null
mount --types proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp "$package" "$root/tmp"
file="/tmp/$(basename "$package")"
inside() { chroot "$root" env --ignore-environment HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

inside apt-get update --quiet=2
inside apt-get install --quiet=2 --yes --no-install-recommends xvfb xauth xdotool imagemagick >/dev/null
desktop=(libvulkan1 mesa-vulkan-drivers libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0)
case "$file" in
*.deb)
    inside apt-get install --quiet=2 --yes "$file" >/dev/null
    program=(burnisher)
    ;;
*.AppImage)
    # What a desktop has. There is no FUSE in here: the file unpacks itself.
    inside apt-get install --quiet=2 --yes --no-install-recommends "${desktop[@]}" >/dev/null
    program=("$file" --appimage-extract-and-run)
    ;;
*.tar.xz)
    inside apt-get install --quiet=2 --yes --no-install-recommends "${desktop[@]}" xz-utils >/dev/null
    inside tar --extract --strip-components=1 --file "$file" --directory /usr/local
    program=(burnisher)
    ;;
esac

inside "${program[@]}" --version
inside "${program[@]}" generate --device cpu --prompt "a red heart in 3d style" --seed 1 --output /tmp/first.png
cp "$root/tmp/first.png" "$seen/$(basename "$package").command.png"

cat >"$root/tmp/window.sh" <<'END'
set -eu
"$@" &
# The form has the focus, and Ctrl+Enter draws what it says; the picture appears as a file.
window="$(timeout 120 xdotool search --sync --onlyvisible --name '^Burnisher' | head -n 1)"
xdotool windowfocus --sync "$window"
tries=0
until find /root -name '*.png' -path '*urnisher*' | grep -q .; do
    tries=$((tries + 1))
    test "$tries" -lt 60 || exit 1
    xdotool key ctrl+Return
    sleep 5
done
sleep 5
import -window root /tmp/window.png
xdotool key ctrl+q || true
kill %1 2>/dev/null || true
END
rc=0
inside xvfb-run --auto-servernum --server-args='-screen 0 1280x800x24' sh /tmp/window.sh "${program[@]}" || rc=$?
cp "$root/tmp/window.png" "$seen/$(basename "$package").window.png"
exit "$rc"

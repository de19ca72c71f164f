#!/usr/bin/env bash
# Makes Burnisher.app, and Burnisher-VERSION-macos-ARCHITECTURE.dmg with it, on macOS. SIGNING_IDENTITY names a certificate to
# sign with; without one the bundle is signed for this computer only ("ad hoc"), and others have to allow it in the system's
# settings. NOTARY_PROFILE names the stored credentials with which Apple is asked to notarise the image.
set -euo pipefail
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
export MACOSX_DEPLOYMENT_TARGET=11.0
build -C link-arg=-Wl,-dead_strip

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
contents="$stage/Burnisher.app/Contents"
mkdir -p "$contents/MacOS" "$contents/Resources/completions" "$contents/Resources/man/man1"
cp "$program" "$contents/MacOS/burnisher"
sed "s/@VERSION@/$version/" packaging/macos/Info.plist >"$contents/Info.plist"
plutil -lint "$contents/Info.plist"
cp packaging/macos/burnisher.icns LICENSE-MIT LICENSE-APACHE THIRD_PARTY.md "$contents/Resources"
packaging/licences.sh "$contents/Resources/THIRD_PARTY_CRATES.html"
"$program" document "$contents/Resources/completions"
mv "$contents/Resources/completions/"*.1 "$contents/Resources/man/man1"

sign=(codesign --force --options runtime --entitlements packaging/macos/entitlements.plist --sign "${SIGNING_IDENTITY:--}")
[[ -z "${SIGNING_IDENTITY:-}" ]] || sign+=(--timestamp)
"${sign[@]}" "$stage/Burnisher.app"
codesign --verify --strict --verbose "$stage/Burnisher.app"

name="Burnisher-$version-macos-$architecture.dmg"
ln -s /Applications "$stage/Applications"
hdiutil create -volname Burnisher -srcfolder "$stage" -format ULFO -ov "$packages/$name"
if [[ -n "${NOTARY_PROFILE:-}" ]]; then
    xcrun notarytool submit "$packages/$name" --keychain-profile "$NOTARY_PROFILE" --wait
    xcrun stapler staple "$packages/$name"
fi
finish "$name"

#!/usr/bin/env bash
# Makes burnisher-VERSION-linux-ARCHITECTURE.tar.xz: the program and what goes with it, to be unpacked anywhere, or over /usr/local.
set -euo pipefail
# shellcheck source=packaging/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
name="burnisher-$version-linux-$architecture"
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
packaging/linux/stage.sh "$stage/files"
mv "$stage/files/usr" "$stage/$name"
tar --create --xz --file "$packages/$name.tar.xz" --directory "$stage" --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" "$name"
finish "$name.tar.xz"

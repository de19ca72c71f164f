#!/usr/bin/env bash
# Draws assets/samplers.png: one picture of the bundled model by every sampler that suits it, of the same prompt and seed.
# Needs ImageMagick and fontconfig. assets/samplers.sh [path to burnisher]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
burnisher=${1:-../target/release/burnisher}
pictures=$(mktemp -d)
trap 'rm -r "$pictures"' EXIT
draw() { "$burnisher" generate --device cpu --prompt "a rocket in flat style" --seed 1 "$@" 2>&1; }

# An unknown sampler is refused with the names of all there are.
names=$({ draw --scheduler '?' || true; } | sed 's/.*Choose one of //; s/,//g')
tiles=()
for name in $names; do
    if said=$(draw --scheduler "$name" --output "$pictures/$name.png"); then
        tiles+=(-label "$name" "$pictures/$name.png")
    elif [[ $said != *"can't sample this model"* ]]; then
        echo "$said" >&2
        exit 1
    fi
done
montage -font "$(fc-match --format '%{file}' 'DejaVu Sans')" -pointsize 12 "${tiles[@]}" -filter point -resize 200% \
    -tile 8x -geometry +6+4 -define png:compression-level=9 -define png:exclude-chunks=date,time samplers.png

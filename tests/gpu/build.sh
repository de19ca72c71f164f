#!/usr/bin/env bash
# Builds the check of a GPU into one file for another computer of the same kind: tests/gpu/build.sh [FILE].
# Run there, the file needs nothing but the GPU's driver. PROFILE=release builds sooner than what users get (dist).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
file="$(realpath -m "${1:-target/gpu/burnisher-gpu-check}")"

mkdir -p "$(dirname "$file")"
messages="$(cargo bench --locked --no-run --profile "${PROFILE:-dist}" --bench gpu --message-format json-render-diagnostics)"
program="$(grep -o '"executable":"[^"]*"' <<<"$messages" | tail -n 1 | cut -d '"' -f 4)"
made="$(mktemp)"
trap 'rm -f "$made"' EXIT
strip -o "$made" "$program"

# The program, packed, behind a script that unpacks it.
cat >"$file" <<'EOF'
#!/bin/sh
# Checks this computer's GPU in under eight minutes: what is found goes to burnisher-gpu.json, or to the file that is named.
set -eu
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
tail -n +9 "$0" | gzip -d >"$folder/check"
chmod +x "$folder/check"
if [ "${1:-}" = only ]; then shift; "$folder/check" "$@"; else "$folder/check" all "${1:-burnisher-gpu.json}"; fi; exit
EOF
gzip --best --no-name <"$made" >>"$file"
chmod +x "$file"

bytes="$(stat -c %s "$file")"
echo "$file: $((bytes / 1000000)) MB"
[[ "$bytes" -le 50000000 ]] || { echo "larger than 50 MB" >&2; exit 1; }

#!/usr/bin/env bash
# Checks all crates with cargo-deny: licences, sources, and known weaknesses (advisories) where the network lets it. cargo-deny
# is compiled once, without optimisation in a minute or two, and kept in the target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
deny="$(packaging/tool.sh cargo-deny 0.20.2 --debug)"

"$deny" --locked check licenses bans sources

# The network is no fault of ours: without it the last copy of the advisories is used, or none.
if timeout 120 "$deny" --locked fetch db; then
    "$deny" --locked check --disable-fetch advisories
elif compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/.git" >/dev/null; then
    echo "cargo-deny: the advisories can't be fetched. The copy of an earlier run is used." >&2
    "$deny" --locked check --disable-fetch advisories
else
    echo "cargo-deny: the advisories can't be fetched and there is no copy: known weaknesses were NOT checked." >&2
fi

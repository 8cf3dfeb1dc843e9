#!/usr/bin/env bash
# Makes demo.png: starts the demo on free ports in a temporary folder, lets it run, photographs its page.
# Needs Chromium (CHROMIUM names another one).
set -euo pipefail
cd "$(dirname "$0")/../.."

chromium="${CHROMIUM:-chromium}"
seconds="${SECONDS_TO_RUN:-20}"
work="$(mktemp -d)"
kryten=
finish() {
    if [ -n "$kryten" ]; then
        kill "$kryten" 2>/dev/null || true
        wait "$kryten" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

cargo build --locked --quiet
"${CARGO_TARGET_DIR:-target}/debug/kryten" up --demo --data-dir "$work/data" --nats-port 0 --web-port 0 &
kryten=$!
for _ in $(seq 100); do
    [ -f "$work/data/connection.json" ] && break
    kill -0 "$kryten"
    sleep 0.2
done
url="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["web"]["url"])' "$work/data/connection.json")"
sleep "$seconds"
"$chromium" --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update \
    --disable-sync --no-first-run --hide-scrollbars --user-data-dir="$work/browser" \
    --window-size=1000,"${HEIGHT:-900}" --screenshot="$PWD/docs/img/demo.png" "$url" 2>"$work/chromium.log" ||
    { cat "$work/chromium.log" >&2; exit 1; }

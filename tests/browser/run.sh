#!/bin/sh
# run.sh WORK PAGE.html [options of check_page.mjs]
# Installs the test's one package into the folder WORK, once, and checks the page there. Exit code 77
# means that this machine cannot run it.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$1
shift

skip() {
  echo "skipped: $1"
  exit 77
}

command -v node >/dev/null || skip "node was not found"
command -v npm >/dev/null || skip "npm was not found"
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || skip "Chromium was not found"

mkdir -p "$work"
cp "$here/check_page.mjs" "$here/package.json" "$here/package-lock.json" "$work"
if ! cmp -s "$here/package-lock.json" "$work/installed.json"; then
  (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    skip "npm could not install the browser's driver"
  cp "$here/package-lock.json" "$work/installed.json"
fi
exec node "$work/check_page.mjs" --browser "$browser" "$@"

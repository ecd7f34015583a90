#!/bin/sh
# install-dependencies.sh [build|test|bench]...
#
# Installs, through apt-get, the packages that are missing for building the program (build), for its
# tests (test) and for its benchmarks (bench). Says nothing when nothing is missing.
set -eu

build="g++ cmake ninja-build libtorch-dev libopenblas0-openmp libdnnl-dev libhdf5-dev
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev zlib1g-dev"
test="libgtest-dev chromium python3-torch"
bench="python3-torch"

# A program from elsewhere serves as well as the package that brings it.
command_of() {
  case "$1" in
    g++ | cmake | npm | chromium) echo "$1" ;;
    ninja-build) echo ninja ;;
    *) echo - ;;
  esac
}

is_present() {
  command -v "$(command_of "$1")" >/dev/null 2>&1 ||
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

wanted=
for group in "${@:-build}"; do
  case "$group" in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    *)
      echo "install-dependencies.sh: \"$group\" is not one of build, test, bench" >&2
      exit 2
      ;;
  esac
done
missing=
for package in $wanted; do
  is_present "$package" || missing="$missing $package"
done
# npm fetches the chart library of the reports. Without it they carry the same charts as SVG.
charts=
command -v npm >/dev/null 2>&1 || charts="nodejs npm"
[ -n "$missing$charts" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "There is no apt-get here. Please install what these Debian packages carry: $missing $charts" >&2
  exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Package lists that are missing or out of date are the usual reason for a first failure.
install() {
  echo "Installing: $*"
  try_install "$@" || { $as_root apt-get update -qq >"$log" 2>&1 && try_install "$@"; }
}

try_install() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1
}

# shellcheck disable=SC2086  # one word a package
if [ -n "$missing" ] && ! install $missing; then
  cat "$log" >&2
  echo "install-dependencies.sh: apt-get could not install:$missing" >&2
  exit 1
fi
# shellcheck disable=SC2086
if [ -n "$charts" ] && ! install $charts; then
  echo "npm could not be installed: reports will carry static charts only."
fi

#!/usr/bin/env bash
# action_build.sh [--key]: puts gantry into PATH for the steps to come. A gantry that is there already is taken; else it is built from this checkout,
# on Debian 12, into ~/.cache/gantry-action, where the next run finds it. What is kept there brings its libraries along: taking it installs nothing.
# --key: writes `key` to GITHUB_OUTPUT, what names that build in a cache; empty where none is needed.
set -euo pipefail

installed() { command -v gantry > /dev/null; }
kept=$HOME/.cache/gantry-action
if [ "${1:-}" = --key ]; then
  key=
  if ! installed; then
    cd "$(dirname "$0")/.."
    key=$(find CMakeLists.txt CMakePresets.json packages.txt apps cmake engine -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-32)
  fi
  echo "key=$key" >> "${GITHUB_OUTPUT:-/dev/stdout}"
  exit 0
fi

if installed; then
  gantry --version | head -n 1
  exit 0
fi
if "$kept/bin/gantry" --version 2> /dev/null | head -n 1 | grep '^gantry '; then
  echo "$kept/bin" >> "${GITHUB_PATH:-/dev/stdout}"
  exit 0
fi
system=unknown
# GANTRY_OS_RELEASE is for tests.
if [ -r "${GANTRY_OS_RELEASE:-/etc/os-release}" ]; then
  # shellcheck disable=SC1090
  system=$(. "${GANTRY_OS_RELEASE:-/etc/os-release}"; echo "${ID:-unknown} ${VERSION_ID:-}")
fi
if [ "$system" != "debian 12" ]; then
  echo "::error title=gantry::gantry is built here from Debian 12's packages, and this is ${system% }: add 'container: debian:12' to the job, or put a gantry into PATH before this step"
  exit 1
fi
cd "$(dirname "$0")/.."
tools/install_packages.sh build
echo "building gantry, which takes minutes; with a cache only the first time" >&2
tools/release.sh build/release >&2
rm -rf "$kept"
mkdir -p "$kept"
tar -C "$kept" --strip-components 1 -xzf build/gantry-*-linux-*.tar.gz
"$kept/bin/gantry" --version | head -n 1
echo "$kept/bin" >> "${GITHUB_PATH:-/dev/stdout}"

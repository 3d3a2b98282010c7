#!/usr/bin/env bash
# action_build.sh [--key]: puts gantry into PATH for the steps to come. A gantry that is there already is taken. Else one comes into
# ~/.cache/gantry-action, where the next run finds it with its libraries and installs nothing: the tarball that is released for the version of this
# checkout, where there is one and it runs here, or what is built from this checkout, on Debian 12.
# --key: writes `key` to GITHUB_OUTPUT, what names the contents of that directory in a cache; empty where none is needed.
#
# INPUT_FROM_SOURCE=true: no release is looked for. GANTRY_REPOSITORY, else ACTION_REPOSITORY, else GITHUB_REPOSITORY is whose releases are asked,
# on GITHUB_SERVER_URL.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
kept=$HOME/.cache/gantry-action

installed() { command -v gantry > /dev/null; }

key() {
  local sources
  sources=$(cd "$root" && find CMakeLists.txt CMakePresets.json packages.txt apps cmake engine -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-32)
  if [ "${INPUT_FROM_SOURCE:-false}" = true ]; then echo "$sources-source"; else echo "$sources"; fi
}

# What $kept has, if it is of these sources and runs here.
take_kept() {
  [ "$(cat "$kept/key" 2> /dev/null)" = "$1" ] || return 1
  "$kept/bin/gantry" --version 2> /dev/null | head -n 1 | grep '^gantry ' || return 1
  echo "$kept/bin" >> "${GITHUB_PATH:-/dev/stdout}"
}

fetch() {
  if command -v curl > /dev/null; then
    curl -fsSL --retry 3 --connect-timeout 30 --max-time 600 -o "$2" "$1"
  elif command -v wget > /dev/null; then
    wget -q -T 60 -O "$2" "$1"
  else
    echo "neither curl nor wget is here" >&2
    return 1
  fi
}

architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# The released tarball into $kept. What went wrong is said in $why.
why=
take_release() {
  local version repository name from
  version=$(sed -n 's/^project(gantry VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
  repository=${GANTRY_REPOSITORY:-${ACTION_REPOSITORY:-${GITHUB_REPOSITORY:-}}}
  [[ $repository =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || { why="no repository is known whose releases could be asked"; return 1; }
  name=gantry-$version-linux-$(architecture).tar.gz
  from=${GITHUB_SERVER_URL:-https://github.com}/$repository/releases/download/v$version
  if ! { fetch "$from/SHA256SUMS" "$work/SHA256SUMS" && fetch "$from/$name" "$work/$name"; } 2> "$work/said"; then
    why="there is no $from/$name: $(tail -n 1 "$work/said")"
    return 1
  fi
  if ! (cd "$work" && awk -v name="$name" '$2 == name || $2 == "*" name' SHA256SUMS > wanted && [ -s wanted ] && sha256sum --check --strict --status wanted); then
    why="$from/$name is not what SHA256SUMS beside it says"
    echo "::warning title=gantry::$why; it is left aside"
    return 1
  fi
  rm -rf "$kept"
  mkdir -p "$kept"
  tar -C "$kept" --strip-components 1 --no-same-owner -xzf "$work/$name"
  if [ "$("$kept/bin/gantry" --version 2> "$work/said" | head -n 1)" != "gantry $version" ]; then
    why="$name does not run here: $(head -n 1 "$work/said")"
    rm -rf "$kept"
    return 1
  fi
}

build() {
  local system=unknown
  # GANTRY_OS_RELEASE is for tests.
  if [ -r "${GANTRY_OS_RELEASE:-/etc/os-release}" ]; then
    # shellcheck disable=SC1090
    system=$(. "${GANTRY_OS_RELEASE:-/etc/os-release}"; echo "${ID:-unknown} ${VERSION_ID:-}")
  fi
  if [ "$system" != "debian 12" ]; then
    echo "::error title=gantry::${why:+$why; so }gantry is built here, from Debian 12's packages, and this is ${system% }: add 'container: debian:12' to the job, or put a gantry into PATH before this step"
    exit 1
  fi
  cd "$root"
  tools/install_packages.sh build
  echo "building gantry, which takes minutes; with a cache only the first time" >&2
  tools/release.sh build/release >&2
  rm -rf "$kept"
  mkdir -p "$kept"
  tar -C "$kept" --strip-components 1 -xzf build/gantry-*-linux-*.tar.gz
}

if [ "${1:-}" = --key ]; then
  if installed; then wanted=; else wanted=$(key); fi
  echo "key=$wanted" >> "${GITHUB_OUTPUT:-/dev/stdout}"
  exit 0
fi
if installed; then
  gantry --version | head -n 1
  exit 0
fi
wanted=$(key)
if take_kept "$wanted"; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "${INPUT_FROM_SOURCE:-false}" = true ] || ! take_release; then
  [ -z "$why" ] || echo "$why" >&2
  build
fi
echo "$wanted" > "$kept/key"
take_kept "$wanted" || { echo "::error title=gantry::the program does not run here"; exit 1; }

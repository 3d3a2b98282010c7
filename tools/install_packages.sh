#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing. Usage: install_packages.sh GROUP...
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for group in "$@"; do
  while read -r kind package; do
    if [ "$kind" = "$group" ]; then wanted+=("$package"); fi
  done < packages.txt
done

missing=()
for package in "${wanted[@]}"; do
  if [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)" != "ii " ]; then missing+=("$package"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "These packages are missing, and neither root nor sudo is at hand to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2

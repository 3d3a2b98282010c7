#!/usr/bin/env bash
# action_build.sh: puts gantry into PATH for the steps to come. A gantry that is there already is taken; else it is built from this checkout.
set -euo pipefail

if command -v gantry > /dev/null; then
  gantry --version | head -n 1
  exit 0
fi
cd "$(dirname "$0")/.."
tools/install_packages.sh build
cmake --preset release -DGANTRY_BUILD_TESTS=OFF -DGANTRY_BUILD_BENCH=OFF
cmake --build --preset release --target gantry
echo "$PWD/build/release/apps/gantry" >> "$GITHUB_PATH"

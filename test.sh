#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test: optimised, with ASan and UBSan, and the engine's with TSan.
# Stops at the first build whose tests fail, so that the last lines are always ctest's own summary.
# Usage: test.sh [--quick]    --quick: the optimised build only
set -euo pipefail
cd "$(dirname "$0")"

presets=(release asan tsan)
for argument in "$@"; do
  case $argument in
    --quick) presets=(release) ;;
    *)
      echo "test.sh: unknown option $argument; usage: test.sh [--quick]" >&2
      exit 2
      ;;
  esac
done

./tools/install_packages.sh build demo test
# A thread sanitizer of GCC 12 cannot place its shadow memory when the kernel randomises addresses with more than 28 bits.
run_fixed() { if setarch -R true 2> /dev/null; then setarch -R "$@"; else "$@"; fi; }

for preset in "${presets[@]}"; do
  echo "== $preset"
  cmake --preset "$preset" -DGANTRY_BUILD_TESTS=ON -DGANTRY_BUILD_APPS=ON > /dev/null
  cmake --build --preset "$preset"
  case $preset in
    tsan) run_fixed ctest --preset "$preset" -j2 --no-tests=error -LE integration ;;
    *) ctest --preset "$preset" -j2 --no-tests=error ;;
  esac
done

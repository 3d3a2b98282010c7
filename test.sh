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

# The engine is compiled in several places with the same flags; a cache that does not look at the place compiles it once.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

for preset in "${presets[@]}"; do
  echo "== $preset"
  # Threads are the engine's business: the slow build of the thread sanitizer leaves the app out.
  apps=ON
  if [ "$preset" = tsan ]; then apps=OFF; fi
  cmake --preset "$preset" -DGANTRY_BUILD_TESTS=ON -DGANTRY_BUILD_APPS=$apps > /dev/null
  case $preset in
    # Only what has threads.
    tsan) cmake --build --preset "$preset" --target unit_runtime unit_net unit_http unit_registry unit_store unit_transfer unit_jobs fault_tests ;;
    *) cmake --build --preset "$preset" ;;
  esac
  case $preset in
    tsan) run_fixed ctest --preset "$preset" -j2 --no-tests=error -R '^(runtime|net|http|registry|store|transfer|jobs|faults):' ;;
    *) ctest --preset "$preset" -j2 --no-tests=error ;;
  esac
done

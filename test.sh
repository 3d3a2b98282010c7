#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test: optimised, with ASan and UBSan, and the engine's with TSan.
# Stops at the first build whose tests fail, so that the last lines are always ctest's own summary.
# Usage: test.sh [--quick | --faults | --fuzz SECONDS]
#   --quick          the optimised build only
#   --faults         the optimised build, with each call to the file system going wrong in turn (an hour); counts at the end
#   --fuzz SECONDS   each parser for so much processor time on inputs that clang's libFuzzer makes up (tools/fuzz.sh)
set -euo pipefail
cd "$(dirname "$0")"

presets=(release asan tsan)
faults=0
fuzz=
usage="usage: test.sh [--quick | --faults | --fuzz SECONDS]"
while [ $# -gt 0 ]; do
  case $1 in
    --quick) presets=(release) ;;
    --faults)
      presets=(release)
      faults=1
      ;;
    --fuzz)
      fuzz=${2:?$usage}
      shift
      ;;
    *)
      echo "test.sh: unknown option $1; $usage" >&2
      exit 2
      ;;
  esac
  shift
done

./tools/install_packages.sh build demo test
# A thread sanitizer of GCC 12 cannot place its shadow memory when the kernel randomises addresses with more than 28 bits.
run_fixed() { if setarch -R true 2> /dev/null; then setarch -R "$@"; else "$@"; fi; }

# The engine is compiled in several places with the same flags; a cache that does not look at the place compiles it once.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# Many tests wait for a timer or a server for most of their time.
workers=$(($(nproc) + 1))

if [ -n "$fuzz" ]; then
  ./tools/install_packages.sh fuzz
  cmake --preset fuzz > /dev/null
  cmake --build --preset fuzz
  ./tools/fuzz.sh "$fuzz"
  exit 0
fi

for preset in "${presets[@]}"; do
  echo "== $preset"
  # Threads are the engine's business: the slow build of the thread sanitizer leaves the app out.
  apps=ON
  if [ "$preset" = tsan ]; then apps=OFF; fi
  cmake --preset "$preset" -DGANTRY_BUILD_TESTS=ON -DGANTRY_BUILD_APPS=$apps > /dev/null
  case $preset in
    # Only what has threads.
    tsan) cmake --build --preset "$preset" --target unit_runtime unit_net unit_http unit_registry unit_store unit_transfer unit_jobs unit_serve fault_tests ;;
    *) cmake --build --preset "$preset" ;;
  esac
  if [ "$faults" = 1 ]; then
    report=$PWD/build/faults.txt
    rm -f "$report"
    outcome=0
    GANTRY_FAULTS=full GANTRY_FAULT_REPORT=$report ctest --preset "$preset" -j$workers --no-tests=error -R '^(faults|disk faults|process faults):' || outcome=$?
    sort "$report"
    awk '{ for (i = 1; i < NF; ++i) { if ($i == "injected") injected += $(i + 1); if ($i == "endured") endured += $(i + 1); if ($i == "checks") checks += $(i + 1) } }
         END { print "faults injected: " injected ", of them endured: " endured ", checks of the invariant: " checks }' "$report"
    exit "$outcome"
  fi
  # On a shared machine a real server may be starved for longer than a test waits. What fails is tried once more there, and ctest
  # prints both attempts. What a sanitizer finds is no such thing, and neither is a broken invariant (tests/support/finding.hpp): they leave
  # files, and one is one too many.
  findings=$PWD/build/$preset/findings
  rm -f "$findings".*
  run=()
  only=()
  if [ "$preset" = tsan ]; then
    run=(run_fixed)
    only=(-R '^(runtime|net|http|registry|store|transfer|jobs|serve|faults):')
  fi
  outcome=0
  ASAN_OPTIONS="${ASAN_OPTIONS:-} log_path=$findings" UBSAN_OPTIONS="${UBSAN_OPTIONS:-} log_path=$findings" \
    TSAN_OPTIONS="${TSAN_OPTIONS:-} log_path=$findings" GANTRY_FINDINGS=$findings.invariant \
    "${run[@]}" ctest --preset "$preset" -j$workers --no-tests=error ${CI:+--repeat until-pass:2} "${only[@]}" || outcome=$?
  if compgen -G "$findings.*" > /dev/null; then
    cat "$findings".*
    outcome=1
  fi
  if [ "$outcome" != 0 ]; then exit "$outcome"; fi
done

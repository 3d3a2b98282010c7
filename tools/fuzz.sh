#!/usr/bin/env bash
# Runs clang's libFuzzer on parsers of foreign bytes, from tests/fuzz/corpus on and from what earlier runs have found, until each has had
# SECONDS of processor time: what else the machine does changes how long that takes, not what it is worth.
# Usage: fuzz.sh SECONDS [TARGET...]    all targets without one; build/fuzz must have been built (cmake --build --preset fuzz)
# Prints a line for each target and their sum; ends with 1 at the first input that crashes, hangs or breaks a promise.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: fuzz.sh SECONDS [TARGET...]}
shift
fuzzer=build/fuzz/tests/fuzz
if [ $# -eq 0 ]; then
  cd tests/fuzz/corpus && set -- * && cd ../../..
fi
chunk=120
TIMEFORMAT='%U %S'
total=0
for target in "$@"; do
  found=build/fuzz/corpus/$target
  log=build/fuzz/$target.log
  mkdir -p "$found"
  used=0
  inputs=0
  while [ "$(awk -v used="$used" -v wanted="$seconds" 'BEGIN { print (used < wanted) }')" = 1 ]; do
    length=$(awk -v left="$seconds" -v used="$used" -v chunk=$chunk 'BEGIN { left -= used; print int(left < chunk ? left + 1 : chunk) }')
    { time GANTRY_FUZZ_TARGET=$target "$fuzzer" -max_total_time="$length" -max_len=65536 -timeout=100 -rss_limit_mb=3000 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/$target-" "$found" "tests/fuzz/corpus/$target" > "$log" 2>&1; } 2> "$log.time" ||
      { tail -40 "$log"; echo "fuzz: $target failed; its input is build/fuzz/$target-*"; exit 1; }
    inputs=$((inputs + $(awk '/stat::number_of_executed_units/ { print $2 }' "$log")))
    used=$(awk -v used="$used" 'END { print used + $1 + $2 }' "$log.time")
  done
  echo "fuzz: $target: $inputs inputs in $used s of processor time"
  total=$((total + inputs))
done
echo "fuzz: $total inputs tried, none crashed, hung or broke a promise"

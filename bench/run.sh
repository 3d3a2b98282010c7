#!/usr/bin/env bash
# Builds gantry for release and measures it beside other programs over the matrix of budgets.
# Usage: bench/run.sh [--short|--full] [--cell NAME]... [--list] [--runs N] [--work-dir DIR] [--write-results] [--micro] | --headers [--write-results]
#   --short          smaller images, 3 runs, under 5 minutes; the default
#   --full           full sizes, 5 runs, everything verified
#   --cell NAME      only this cell; --list names them
#   --write-results  write bench/RESULTS.md, its plots, RESULTS.svg and RESULTS-connections.svg beside it, and the figures of README; with
#                    --cell, the cells that are measured again take the place of those of the run before, and the page says so
#   --micro          run the micro benchmarks, too
#   --headers        what each public header alone costs the compiler, and nothing else; with --write-results into a section of
#                    bench/RESULTS.md, which other runs leave as it is
# Results are in bench/out. Programs that are compared when they are on PATH: skopeo, curl, aria2c, crane, regctl, oras, ctr.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
build_dir=${GANTRY_BENCH_BUILD_DIR:-$source_dir/build/release}
out_dir=$source_dir/bench/out

GANTRY_BENCH_COMMAND="bench/run.sh $*"
GANTRY_BENCH_REVISION=$(git -C "$source_dir" describe --always --dirty 2> /dev/null || true)
export GANTRY_BENCH_COMMAND GANTRY_BENCH_REVISION

arguments=()
micro=0
headers=0
results=$source_dir/bench/RESULTS.md
for argument in "$@"; do
  case $argument in
    --micro) micro=1 ;;
    --headers) headers=1 ;;
    --write-results) arguments+=(--write-results "$results") ;;
    *) arguments+=("$argument") ;;
  esac
done

if [ $headers -eq 1 ]; then
  "$source_dir/tools/install_packages.sh" build bench
  mkdir -p "$out_dir"
  status=0
  bash "$source_dir/bench/headers.sh" | tee "$out_dir/headers.txt" || status=$?
  if [ ${#arguments[@]} -ne 0 ]; then
    python3 "$source_dir/bench/e2e/headers.py" "$results" "$GANTRY_BENCH_COMMAND" "$("${CXX:-c++}" --version | head -n 1)" "$GANTRY_BENCH_REVISION" \
      < "$out_dir/headers.txt"
  fi
  exit $status
fi

"$source_dir/tools/install_packages.sh" build bench
if [ "$build_dir" = "$source_dir/build/release" ]; then (cd "$source_dir" && cmake --preset release > /dev/null); fi
targets=(gantry gantry-relay gantry-cost)
if [ $micro -eq 1 ]; then targets+=(gantry-micro); fi
cmake --build "$build_dir" --target "${targets[@]}" >&2

mkdir -p "$out_dir"
python3 "$source_dir/bench/e2e/run.py" --gantry "$build_dir/apps/gantry/gantry" --relay "$build_dir/bench/gantry-relay" \
  --cost "$build_dir/bench/gantry-cost" --out "$out_dir" "${arguments[@]}"
if [ $micro -eq 1 ]; then
  "$build_dir/bench/gantry-micro" --benchmark_out="$out_dir/micro.json" --benchmark_out_format=json
fi

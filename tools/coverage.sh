#!/usr/bin/env bash
# Which lines and branches of the engine the unit and fault tests meet, as two tables and as pages in build/coverage/report.
# Needs what tools/install_packages.sh analysis installs.
# Usage: coverage.sh [MODULE]...   e.g. coverage.sh registry store transfer, which is the default
set -euo pipefail
cd "$(dirname "$0")/.."

modules=("$@")
if [ ${#modules[@]} -eq 0 ]; then modules=(registry store transfer); fi
targets=(fault_tests)
filters=()
for module in "${modules[@]}"; do
  targets+=("unit_$module")
  filters+=(--filter "engine/src/$module/")
done
if [ -d tests/unit/jobs ]; then targets+=(unit_jobs); fi

export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
cmake --preset coverage > /dev/null
cmake --build --preset coverage --target "${targets[@]}"
find build/coverage -name '*.gcda' -delete
for target in "${targets[@]}"; do "build/coverage/tests/$target" > "build/coverage/$target.log" || { tail -20 "build/coverage/$target.log"; exit 1; }; done
mkdir -p build/coverage/report
# Branches that only exceptions take are the compiler's: two for each call.
gcovr --root . --object-directory build/coverage --exclude-throw-branches --exclude-unreachable-branches "${filters[@]}" \
  --html-details build/coverage/report/index.html --json build/coverage/report.json --txt build/coverage/report.txt
gcovr --root . --add-tracefile build/coverage/report.json --branches --txt build/coverage/branches.txt
cat build/coverage/report.txt build/coverage/branches.txt

#!/bin/bash
# What each public header alone costs the compiler, beside <boost/asio/any_completion_handler.hpp>. Usage: headers.sh [ROUNDS]
# Prints processor seconds, the least of so many rounds (default 5), and the ratio. Fails when one is beyond 1.5.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-5}
compiler=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

spent() { # HEADER
  printf '#include <%s>\n' "$1" > "$work/one.cpp"
  { TIMEFORMAT='%U %S'; time "$compiler" -std=c++20 -O0 -DBOOST_ASIO_NO_DEPRECATED -DBOOST_ASIO_DISABLE_BOOST_COROUTINE \
    -I "$root/engine/include" -c "$work/one.cpp" -o "$work/one.o"; } 2>&1 | awk '{ print $1 + $2 }'
}

least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a < b) ? a : b }'; }

# In turns with the yardstick, and each beside its own turns: a machine that is shared is faster at one minute than at the next.
yardstick=boost/asio/any_completion_handler.hpp
rows=()
overall=999
worst=0
for file in "$root"/engine/include/gantry/*.hpp; do
  name=gantry/$(basename "$file")
  base=999
  cost=999
  for ((round = 0; round < rounds; ++round)); do
    base=$(least "$base" "$(spent "$yardstick")")
    cost=$(least "$cost" "$(spent "$name")")
  done
  ratio=$(awk -v a="$cost" -v b="$base" 'BEGIN { printf "%.2f", a / b }')
  rows+=("$(printf '%-42s %6s %6s' "$name" "$cost" "$ratio")")
  overall=$(least "$overall" "$base")
  worst=$(awk -v a="$ratio" -v b="$worst" 'BEGIN { print (a > b) ? a : b }')
done
printf '%-42s %6s\n' "$yardstick" "$overall"
printf '%s\n' "${rows[@]}"
printf 'worst %s, allowed 1.5\n' "$worst"
awk -v w="$worst" 'BEGIN { exit (w > 1.5) }'

#!/bin/bash
# What each public header alone costs the compiler, beside <boost/asio/any_completion_handler.hpp>. Usage: headers.sh [ROUNDS]
# Prints processor seconds, the least of so many rounds (default 5), and the ratio. Fails when one is beyond 1.5.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rounds=${1:-5}
compiler=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() { # HEADER
  local best=999 spent
  printf '#include <%s>\n' "$1" > "$work/one.cpp"
  for ((i = 0; i < rounds; ++i)); do
    spent=$( { TIMEFORMAT='%U %S'; time "$compiler" -std=c++20 -O0 -DBOOST_ASIO_NO_DEPRECATED -DBOOST_ASIO_DISABLE_BOOST_COROUTINE \
      -I "$root/engine/include" -c "$work/one.cpp" -o "$work/one.o"; } 2>&1 | awk '{ print $1 + $2 }')
    best=$(awk -v a="$best" -v b="$spent" 'BEGIN { print (a < b) ? a : b }')
  done
  echo "$best"
}

yardstick=boost/asio/any_completion_handler.hpp
base=$(seconds "$yardstick")
printf '%-42s %6s\n' "$yardstick" "$base"
worst=0
for file in "$root"/engine/include/gantry/*.hpp; do
  name=gantry/$(basename "$file")
  spent=$(seconds "$name")
  ratio=$(awk -v a="$spent" -v b="$base" 'BEGIN { printf "%.2f", a / b }')
  printf '%-42s %6s %6s\n' "$name" "$spent" "$ratio"
  worst=$(awk -v a="$ratio" -v b="$worst" 'BEGIN { print (a > b) ? a : b }')
done
printf 'worst %s, allowed 1.5\n' "$worst"
awk -v w="$worst" 'BEGIN { exit (w > 1.5) }'

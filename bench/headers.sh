#!/bin/bash
# What each public header alone costs the compiler, beside <boost/asio/any_completion_handler.hpp>. Usage: headers.sh [HEADER...]
# Prints millions of instructions of the compiler, as valgrind counts them, and the ratio. Fails when one is beyond 1.5.
# A count is the same at every run, where times of a second on a shared machine differ by a third.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
compiler=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The compiler proper and its arguments, quoted for the shell: what the driver would run for one.cpp.
printf '\n' > "$work/one.cpp"
told=$("$compiler" -### -std=c++20 -O0 -DBOOST_ASIO_NO_DEPRECATED -DBOOST_ASIO_DISABLE_BOOST_COROUTINE -I "$root/engine/include" \
  -S "$work/one.cpp" -o "$work/one.s" 2>&1)
proper=$(grep -m 1 -E '/(cc1plus|clang[^ ]*)"? ' <<< "$told")

instructions() { # HEADER
  printf '#include <%s>\n' "$1" > "$work/one.cpp"
  eval "valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null $proper" > "$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
  awk '/I +refs:/ { gsub(",", "", $NF); printf "%d", $NF / 1e6 }' "$work/log"
}

yardstick=boost/asio/any_completion_handler.hpp
base=$(instructions "$yardstick")
printf '%-42s %6s\n' "$yardstick" "$base"
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for file in "$root"/engine/include/gantry/*.hpp; do names+=("gantry/$(basename "$file")"); done
fi
worst=0
for name in "${names[@]}"; do
  count=$(instructions "$name")
  ratio=$(awk -v a="$count" -v b="$base" 'BEGIN { printf "%.2f", a / b }')
  printf '%-42s %6s %6s\n' "$name" "$count" "$ratio"
  worst=$(awk -v a="$ratio" -v b="$worst" 'BEGIN { print (a > b) ? a : b }')
done
printf 'worst %s, allowed 1.5\n' "$worst"
awk -v w="$worst" 'BEGIN { exit (w > 1.5) }'

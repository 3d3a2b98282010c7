#!/usr/bin/env bash
# Reads the sources with clang-tidy (the checks of .clang-tidy) and cppcheck. What either of them says ends it with an error; a finding
# that is none is suppressed where it stands, with the reason (NOLINT, cppcheck-suppress), or for all below, with the reason.
# Needs what tools/install_packages.sh analysis installs.
# Usage: analyse.sh [clang-tidy|cppcheck]... [--below DIRECTORY]...   from a tree that was configured (cmake --preset dev)
set -euo pipefail
cd "$(dirname "$0")/.."

tools=()
below=()
while [ $# -gt 0 ]; do
  case $1 in
    clang-tidy | cppcheck) tools+=("$1") ;;
    --below)
      below+=("$2")
      shift
      ;;
    *)
      echo "analyse.sh: unknown word $1" >&2
      exit 2
      ;;
  esac
  shift
done
if [ ${#tools[@]} -eq 0 ]; then tools=(cppcheck clang-tidy); fi
if [ ${#below[@]} -eq 0 ]; then below=(engine/src apps/gantry); fi
commands=${GANTRY_COMMANDS:-build/dev}/compile_commands.json
jobs=${GANTRY_ANALYSE_JOBS:-$(nproc)}
outcome=0

for tool in "${tools[@]}"; do
  case $tool in
    cppcheck)
      # Not asked for, with the reason:
      #   missingInclude, missingIncludeSystem   the headers of libraries are not read
      #   unmatchedSuppression                   not each directory meets each suppression
      #   missingReturn, ignoredReturnValue      cppcheck 2.10 knows no coroutines and reads them as functions that return and call; a task
      #                                          needs no co_return, and GCC's -Wreturn-type and -Wunused-result know better
      #   passedByValue                          arguments of coroutines are values on purpose: they have to outlive the caller's
      #   returnStdMoveLocal                     what is moved is a part of a local, which no elision reaches
      #   readdirCalled                          readdir is safe on a stream that one thread reads, and glibc has deprecated readdir_r
      #   cppcheckError                          cppcheck giving up on a file ("Cyclic reverse analysis"), which is not about the file
      cppcheck --quiet --inline-suppr -j "$jobs" --std=c++20 --language=c++ --library=posix --enable=warning,performance,portability \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression --suppress=missingReturn \
        --suppress=ignoredReturnValue --suppress=passedByValue --suppress=returnStdMoveLocal --suppress=readdirCalled --suppress=cppcheckError \
        --error-exitcode=1 -D__x86_64__ -Dco_return=return -Dco_await= -I engine/include -I engine/src -I apps/gantry "${below[@]}" || outcome=1
      ;;
    clang-tidy)
      if [ ! -f "$commands" ]; then
        echo "analyse.sh: $commands is missing; run cmake --preset dev first" >&2
        exit 2
      fi
      program=$(command -v clang-tidy-16 || command -v clang-tidy)
      # What only GCC knows, in the commands of a build with GCC.
      find "${below[@]}" -name '*.cpp' -print0 | sort -z |
        xargs -0 -n 1 -P "$jobs" "$program" --quiet -p "$(dirname "$commands")" --extra-arg=-Wno-unknown-warning-option || outcome=1
      ;;
  esac
done
exit "$outcome"

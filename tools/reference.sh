#!/bin/sh
# The reference of the library's public headers, by Doxygen. Usage: reference.sh [DIRECTORY]
# Writes HTML there (default build/reference) and fails on any warning: a broken link, or something that nothing is said of.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
into=${1:-$root/build/reference}
mkdir -p "$into"
version=$(sed -n 's/^project(gantry VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
cat > "$into/Doxyfile" <<END
PROJECT_NAME = gantry
PROJECT_NUMBER = $version
PROJECT_BRIEF = "Container images between registries, files and a local store"
INPUT = $root/engine/include $root/docs/EMBEDDING.md $root/docs/EVENTS.md
# Pages about the command line are not part of it.
FILTER_PATTERNS = "*.md=sed -E 's/\[([^]]*)\]\([A-Z]+\.md\)/\1/g'"
USE_MDFILE_AS_MAINPAGE = $root/docs/EMBEDDING.md
STRIP_FROM_PATH = $root/engine/include $root
OUTPUT_DIRECTORY = $into
RECURSIVE = YES
EXTRACT_ALL = NO
EXTRACT_STATIC = YES
JAVADOC_AUTOBRIEF = YES
BUILTIN_STL_SUPPORT = YES
# What is said of some parameters need not be said of all.
WARN_IF_INCOMPLETE_DOC = NO
MACRO_EXPANSION = YES
WARN_LOGFILE = $into/warnings
QUIET = YES
HAVE_DOT = NO
GENERATE_LATEX = NO
HTML_COLORSTYLE_SAT = 30
END
doxygen "$into/Doxyfile"
if [ -s "$into/warnings" ]; then
  cat "$into/warnings" >&2
  exit 1
fi
printf '%s\n' "$into/html/index.html"

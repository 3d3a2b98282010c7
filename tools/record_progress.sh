#!/usr/bin/env bash
# record_progress.sh [GANTRY]: what a pull shows on terminals of 40, 80 and 200 columns, as text, into docs/progress.txt.
# The image is made on the spot and served by gantry itself on loopback, slowly enough to look at. GANTRY: default build/release/apps/gantry/gantry.
set -euo pipefail
cd "$(dirname "$0")/.."
gantry=${1:-build/release/apps/gantry/gantry}
[ -x "$gantry" ] || { echo "record_progress: there is no program $gantry; build it, or name another" >&2; exit 1; }
python3 tests/terminal_test.py "$gantry" docs/progress.txt
echo "written: docs/progress.txt" >&2

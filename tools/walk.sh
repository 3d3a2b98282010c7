#!/usr/bin/env bash
# walk.sh [--mirror URL] [--ccache DIR] [--tests] [--keep]: the way of a reader of README on a bare Debian 12 that debootstrap makes.
#
# What is committed is cloned there; ./quickstart.sh without an image and with one (of a registry inside), then every command of the documents by
# tests/docs_commands.py, all with the program that quickstart built. --tests runs ./test.sh --quick, too. --ccache is a compiler cache that may be
# used, to save time. Needs root, debootstrap and Debian's servers; not part of the tests.
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
cd "$(dirname "$0")/.."
mirror='' ccache='' keep=0 tests=0
while [ $# -gt 0 ]; do
  case $1 in
    --mirror) mirror=${2:?}; shift ;;
    --ccache) ccache=${2:?}; shift ;;
    --tests) tests=1 ;;
    --keep) keep=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
. tools/bare_debian.sh
bare_needs walk
bare_make walk "$mirror" "$keep"
[ -z "$ccache" ] || bare_ccache "$ccache"
mkdir -p "$bare/root/gantry"
git archive HEAD | tar -C "$bare/root/gantry" -x

say "./quickstart.sh"
inside sh -c 'cd ~/gantry && ./quickstart.sh < /dev/null'
inside sh -c 'cd ~/gantry && tar -tf busybox.tar | grep -x manifest.json'

say "cmake --install"
inside sh -c 'cd ~/gantry && cmake --install build/quickstart --component app > /dev/null && gantry --version && test -e /usr/local/share/man/man1/gantry.1.gz'

say "./quickstart.sh IMAGE"
# shellcheck disable=SC2016
inside sh -c 'set -eu; cd ~/gantry; gantry=build/quickstart/apps/gantry/gantry
  $gantry extract busybox.tar busybox:1 --cache-dir /root/served -q
  : > /root/served.log
  $gantry serve --cache-dir /root/served --listen 127.0.0.1:0 2> /root/served.log &
  server=$!
  trap "kill $server" EXIT
  for try in $(seq 300); do at=$(sed -n "s/.*listening on http:\/\///p" /root/served.log); [ -z "$at" ] || break; sleep 0.1; done
  ./quickstart.sh "$at/library/busybox:1" < /dev/null'

say "every command of the documents"
inside_quietly sh -c 'cd ~/gantry && ./tools/install_packages.sh test'
inside sh -c 'cd ~/gantry && python3 tests/docs_test.py . build/quickstart/apps/gantry/gantry'
inside sh -c 'cd ~/gantry && python3 tests/docs_commands.py . build/quickstart/apps/gantry/gantry'
inside sh -c 'cd ~/gantry && python3 tests/troubleshooting_test.py . build/quickstart/apps/gantry/gantry'

if [ "$tests" = 1 ]; then
  say "./test.sh --quick"
  inside sh -c 'cd ~/gantry && CI=true ./test.sh --quick < /dev/null'
fi
say "arrived"

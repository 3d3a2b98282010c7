#!/usr/bin/env bash
# try_packages.sh [--build DIR] [--mirror URL] [--keep]: the Debian packages, the tarball and the image's root, each tried in a bare Debian 12.
#
# Needs root, debootstrap, and a release build (default build/release; see docs/INSTALL.md), whose prefix becomes /usr. The packages are made by
# cpack, looked at by lintian where it is installed, installed into a system that debootstrap makes, and used there: the program pulls from a
# registry of its own, a program is compiled against the library by CMake and by pkg-config, and everything is removed again. --mirror is where
# Debian packages come from, default: the first that this machine's apt uses. Not part of the tests: it needs root, Debian's servers and some minutes.
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
cd "$(dirname "$0")/.."
build=build/release mirror='' keep=0
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=${2:?}; shift ;;
    --mirror) mirror=${2:?}; shift ;;
    --keep) keep=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
. tools/bare_debian.sh
bare_needs try_packages
bare_make try_packages "$mirror" "$keep"

say "packages"
# Debian's places: libraries lie in a directory of their architecture there.
cmake -DCMAKE_INSTALL_PREFIX=/usr "$build" > "$work/cmake.log" || { tail -n 20 "$work/cmake.log"; exit 1; }
cmake --build "$build" --target gantry gantry_engine gantry_engine_shared
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/packages" > "$work/cpack.log" || { cat "$work/cpack.log"; exit 1; }
rm -rf "$work/packages/_CPack_Packages"
(cd "$work/packages" && ls -l -- *.deb)
if command -v lintian > /dev/null; then
  say "lintian"
  # Why these are left: packaging/debian/lintian-tags says it of each.
  lintian --allow-root --fail-on error,warning --suppress-tags-from-file packaging/debian/lintian-tags "$work"/packages/*.deb
fi
say "tarball"
tools/release.sh "$build" > "$work/tarball"
cat "$work/tarball"

mkdir "$bare/try"
small_image "$bare/try/hello.tar"

# An image of a few bytes in a store, served, pulled and loaded: what a program in a new place has to be able to do.
cat > "$bare/try/use.sh" << 'SCRIPT'
set -eu
gantry=$1
cd "$(mktemp -d -p /try)"
export HOME=$PWD
"$gantry" extract /try/hello.tar --cache-dir served -q
: > log
"$gantry" serve --cache-dir served --listen 127.0.0.1:0 2> log &
server=$!
trap 'kill $server' EXIT
for try in $(seq 300); do at=$(sed -n 's/.*listening on http:\/\///p' log); [ -z "$at" ] || break; sleep 0.1; done
"$gantry" pull "$at/library/hello:1" --platform linux/amd64 -o again.tar -q > result
tar -tf again.tar | grep -qx manifest.json
echo "pulled: $(cut -d ' ' -f 3 result)"
SCRIPT

say "the tarball there, without a package"
tar -C "$bare/try" -xzf "$build/../$(awk '{ print $2 }' "$work/tarball")"
# shellcheck disable=SC2016
inside sh -c 'set -eu; for at in /try/gantry-*/bin/gantry; do "$at" --version | head -n 1; sh /try/use.sh "$at"; done'

say "the image's root, by packaging/collect.sh"
packaging/collect.sh "$build/apps/gantry/gantry" "$work/image"
chroot --userspec=65532 "$work/image" /usr/bin/gantry --version | head -n 1

say "the packages there"
cp "$work"/packages/*.deb "$bare/try/"
inside_quietly apt-get update -q
inside_quietly sh -c 'apt-get install -q -y --no-install-recommends /try/gantry_*.deb'
inside sh /try/use.sh gantry
inside sh -c 'zcat /usr/share/man/man1/gantry-pull.1.gz | head -n 1; ls /usr/share/bash-completion/completions/gantry /usr/share/zsh/vendor-completions/_gantry /usr/share/fish/vendor_completions.d/gantry.fish'
inside sh -c 'cd /usr/share/doc/gantry && ls README.md README.zh-CN.md copyright docs/README.md docs/SYNOLOGY.md docs/SECURITY.md examples/images.json examples/ftp_upload.sh examples/systemd/gantry-sync.service examples/systemd/gantry-sync.timer'

say "a program against the library"
inside_quietly sh -c 'apt-get install -q -y --no-install-recommends /try/libgantry0*.deb /try/libgantry-dev_*.deb g++ cmake make pkg-config'
cp -r tests/consumer "$bare/try/consumer"
# shellcheck disable=SC2016
inside sh -c 'set -eu; cd /try/consumer/find_package; cmake -B build > /dev/null; cmake --build build > /dev/null; cd /try
  g++ -std=c++20 consumer/main.cpp -o by-pkg-config $(pkg-config --cflags --libs gantry)
  g++ -std=c++20 consumer/main.cpp -o by-pkg-config-static $(pkg-config --cflags --libs gantry-static)
  ls /usr/share/doc/libgantry-dev/EMBEDDING.md
  g++ -std=c++20 /usr/share/doc/libgantry-dev/examples/pull_callback.cpp -o example $(pkg-config --cflags --libs gantry)
  for program in consumer/find_package/build/consumer ./by-pkg-config ./by-pkg-config-static; do
    status=0; $program 127.0.0.1:1/no/image:1 image.tar store 2> said || status=$?
    [ "$status" = 1 ] && grep -q "consumer: .*127.0.0.1" said && echo "$program: runs"
  done'

say "and away again"
inside_quietly apt-get purge -q -y gantry 'libgantry0*' libgantry-dev
left=$(inside sh -c 'find / -xdev -path /try -prune -o -path /proc -prune -o -iname "*gantry*" -print')
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
echo "everything works"

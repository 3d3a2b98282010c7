#!/usr/bin/env bash
# From a bare Debian 12 to an image in an archive: installs what is needed, builds gantry, pulls IMAGE into the current directory.
# Without IMAGE it makes a small real image out of busybox-static, serves it on loopback and pulls it from there, with no network.
# The program stays in build/quickstart; the script says how to install it. Usage: quickstart.sh [IMAGE]
set -euo pipefail
source_dir=$(cd "$(dirname "$0")" && pwd)
build_dir=$source_dir/build/quickstart
gantry=$build_dir/apps/gantry/gantry

groups=(build)
if [ $# -eq 0 ]; then groups+=(demo); fi
"$source_dir/tools/install_packages.sh" "${groups[@]}"

# As it is released and tested: a compiler cache that has seen the tests' build has the objects of this one.
export CCACHE_BASEDIR=$source_dir CCACHE_NOHASHDIR=1
cmake -S "$source_dir" -B "$build_dir" --preset release -DGANTRY_BUILD_TESTS=OFF -DGANTRY_BUILD_BENCH=OFF -DGANTRY_BUILD_EXAMPLES=OFF > /dev/null
cmake --build "$build_dir" --target gantry >&2

say_where() {
  echo "the program is $gantry" >&2
  echo "to have it as gantry, with manual pages and completions: sudo cmake --install $build_dir --component app" >&2
}

if [ $# -gt 0 ]; then
  say_where  # before: exec, so that a signal to this script is one to the program
  exec "$gantry" pull "$@"
fi

work_dir=$(mktemp -d)
server_pid=
trap '[ -z "$server_pid" ] || kill "$server_pid"; rm -rf "$work_dir"' EXIT

echo "making an image from $(command -v busybox)" >&2
mkdir -p "$work_dir/root/bin" "$work_dir/image"
cp "$(command -v busybox)" "$work_dir/root/bin/busybox"
for name in sh ls cat echo; do ln -s busybox "$work_dir/root/bin/$name"; done
tar -C "$work_dir/root" --owner 0 --group 0 --numeric-owner --sort name --mtime @0 -cf "$work_dir/image/layer.tar" bin
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) architecture=$(uname -m) ;;
esac
printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
  "$architecture" "$(sha256sum < "$work_dir/image/layer.tar" | cut -d ' ' -f 1)" > "$work_dir/image/config.json"
printf '[{"Config":"config.json","RepoTags":["busybox:1.35"],"Layers":["layer.tar"]}]' > "$work_dir/image/manifest.json"
tar -C "$work_dir/image" -cf "$work_dir/image.tar" manifest.json config.json layer.tar

# Into a store, out of it again over the network, and into an archive.
"$gantry" extract --cache-dir "$work_dir/served" "$work_dir/image.tar"
# There before anybody looks into it: the server's own redirection comes a moment later.
: > "$work_dir/server.log"
"$gantry" serve --cache-dir "$work_dir/served" --listen 127.0.0.1:0 2> "$work_dir/server.log" &
server_pid=$!
server=
for ((tries = 0; tries < 600; tries++)); do
  server=$(sed -n 's/.*listening on http:\/\///p' "$work_dir/server.log")
  if [ -n "$server" ] || ! kill -0 "$server_pid" 2> /dev/null; then break; fi
  sleep 0.1
done
if [ -z "$server" ]; then
  cat "$work_dir/server.log" >&2
  exit 1
fi
"$gantry" pull --cache-dir "$work_dir/store" -o busybox.tar "$server/library/busybox:1.35"
echo "try: podman load -i busybox.tar" >&2
say_where

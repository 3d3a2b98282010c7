#!/usr/bin/env bash
# From a bare Debian 12 to an image in an archive: installs what is needed, builds gantry, pulls IMAGE into the current directory.
# Without IMAGE it makes a small real image out of busybox-static and pulls it from a registry on loopback, with no network.
# Usage: quickstart.sh [IMAGE]
set -euo pipefail
source_dir=$(cd "$(dirname "$0")" && pwd)
build_dir=$source_dir/build/quickstart
gantry=$build_dir/apps/gantry/gantry

groups=(build)
if [ $# -eq 0 ]; then groups+=(demo); fi
"$source_dir/tools/install_packages.sh" "${groups[@]}"

cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGANTRY_BUILD_TESTS=OFF -DGANTRY_BUILD_BENCH=OFF > /dev/null
cmake --build "$build_dir" --target gantry >&2

if [ $# -gt 0 ]; then
  exec "$gantry" pull "$@"
fi

work_dir=$(mktemp -d)
# shellcheck source=tools/local_registry.sh
source "$source_dir/tools/local_registry.sh"
trap 'stop_registry; rm -rf "$work_dir"' EXIT
start_registry "$work_dir/registry"

echo "making an image from $(command -v busybox) on $registry_host" >&2
mkdir -p "$work_dir/root/bin"
cp "$(command -v busybox)" "$work_dir/root/bin/busybox"
for name in sh ls cat echo; do ln -s busybox "$work_dir/root/bin/$name"; done
tar -C "$work_dir/root" --owner 0 --group 0 --numeric-owner --sort name --mtime @0 -cf "$work_dir/layer.tar" bin
diff_id=$(digest_of "$work_dir/layer.tar")
gzip -n "$work_dir/layer.tar"
push_image busybox 1.35 "$work_dir/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip "$diff_id"

"$gantry" pull --cache-dir "$work_dir/store" -o busybox.tar "$registry_host/busybox:1.35"
echo "try: podman load -i busybox.tar" >&2

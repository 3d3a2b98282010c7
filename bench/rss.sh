#!/usr/bin/env bash
# Peak resident memory of pulling an image with one layer of 1 GiB from a registry on loopback. Fails above 32 MiB.
# Usage: bench/rss.sh [GANTRY] [LAYER_MIB]    default: build/release/apps/gantry/gantry 1024
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
gantry=${1:-$source_dir/build/release/apps/gantry/gantry}
layer_mib=${2:-1024}
limit_kib=$((32 * 1024))

work_dir=$(mktemp -d "${TMPDIR:-/var/tmp}/gantry-rss.XXXXXX")
# shellcheck source=tools/local_registry.sh
source "$source_dir/tools/local_registry.sh"
trap 'stop_registry; rm -rf "$work_dir"' EXIT
start_registry "$work_dir/registry"

head -c "${layer_mib}M" /dev/urandom > "$work_dir/data"
tar -C "$work_dir" --owner 0 --group 0 -cf "$work_dir/layer.tar" data
rm "$work_dir/data"
push_image bench "$layer_mib" "$work_dir/layer.tar" application/vnd.oci.image.layer.v1.tar "$(digest_of "$work_dir/layer.tar")"
rm "$work_dir/layer.tar"

# measure NAME ARGUMENT...: one pull, prints its peak, remembers whether it was too much.
failed=0
measure() {
  local name=$1 peak
  shift
  peak=$(python3 - "$gantry" "$@" << 'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
  )
  printf '%-28s peak RSS %6.1f MiB (limit 32)\n' "$name" "$(echo "$peak" | awk '{ print $1 / 1024 }')"
  if [ "$peak" -gt "$limit_kib" ]; then failed=1; fi
}

image=$registry_host/bench:$layer_mib
measure "to the store, -j 1" pull -q -j 1 --cache-dir "$work_dir/store1" --store-only "$image"
measure "to the store, -j 8" pull -q -j 8 --cache-dir "$work_dir/store8" --store-only "$image"
measure "store to docker archive" pull -q --cache-dir "$work_dir/store8" -o "$work_dir/docker.tar" "$image"
rm -rf "$work_dir/store1" "$work_dir/docker.tar"
measure "store to gzip archive" pull -q --cache-dir "$work_dir/store8" --gzip -o "$work_dir/docker.tar.gz" "$image"
rm -rf "$work_dir/store8" "$work_dir/docker.tar.gz"
measure "all in one, docker archive" pull -q -j 8 --cache-dir "$work_dir/store" -o "$work_dir/docker.tar" "$image"
exit $failed

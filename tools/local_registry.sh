# shellcheck shell=bash
# Functions for scripts that need a registry of their own on loopback. Sourced by bash; needs docker-registry and curl.

# start_registry DIRECTORY: starts one on a free port, with its files in DIRECTORY; sets registry_host and registry_pid.
start_registry() {
  local directory=$1 tries
  mkdir -p "$directory"
  cat > "$directory/config.yml" << END
version: 0.1
storage:
  filesystem:
    rootdirectory: $directory/storage
http:
  addr: 127.0.0.1:0
  secret: not-a-secret
END
  : > "$directory/log"
  docker-registry serve "$directory/config.yml" >> "$directory/log" 2>&1 &
  registry_pid=$!
  for ((tries = 0; tries < 600; tries++)); do
    registry_host=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$directory/log")
    if [ -n "$registry_host" ]; then return 0; fi
    if ! kill -0 "$registry_pid" 2> /dev/null; then break; fi
    sleep 0.1
  done
  echo "docker-registry does not start:" >&2
  cat "$directory/log" >&2
  return 1
}

# stop_registry: ends what start_registry started.
stop_registry() {
  if [ -n "${registry_pid:-}" ]; then
    kill "$registry_pid" 2> /dev/null || true
    wait "$registry_pid" 2> /dev/null || true
    registry_pid=
  fi
}

# digest_of FILE
digest_of() { echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"; }

# push_blob REPOSITORY FILE
push_blob() {
  local location
  location=$(curl -sS -f -X POST -D - -o /dev/null "http://$registry_host/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  curl -sS -f -o /dev/null -T "$2" -H 'Content-Type: application/octet-stream' "$location&digest=$(digest_of "$2")"
}

# push_image REPOSITORY TAG LAYER MEDIA_TYPE DIFF_ID: an image of this machine's architecture with one layer; LAYER is a file.
push_image() {
  local repository=$1 tag=$2 layer=$3 media_type=$4 diff_id=$5 directory architecture
  directory=$(mktemp -d)
  case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
  esac
  printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
    "$architecture" "$diff_id" > "$directory/config"
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%s},"layers":[{"mediaType":"%s","digest":"%s","size":%s}]}' \
    application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json "$(digest_of "$directory/config")" \
    "$(stat -c %s "$directory/config")" "$media_type" "$(digest_of "$layer")" "$(stat -c %s "$layer")" > "$directory/manifest"
  push_blob "$repository" "$layer"
  push_blob "$repository" "$directory/config"
  curl -sS -f -o /dev/null -T "$directory/manifest" -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    "http://$registry_host/v2/$repository/manifests/$tag"
  rm -rf "$directory"
}

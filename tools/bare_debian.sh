# shellcheck shell=bash
# A bare Debian 12 by debootstrap, for scripts that source this file: try_packages.sh, walk.sh, try_image.sh.
#
#   bare_needs SCRIPT               stops unless this can be done here
#   bare_make SCRIPT MIRROR KEEP    makes the directory $work with the system in $bare, both gone at the end unless KEEP is 1
#   bare_ccache DIRECTORY           a compiler cache that may be used there, to save time
#   inside COMMAND...               runs a command there
#   inside_quietly COMMAND...       the same, its output only when it fails
#   say TEXT                        a headline with the time
#   small_image FILE                an archive of an image of a few bytes, hello:1, for linux/amd64
#
# GANTRY_BARE, when set, is a tarball of such a system, made when it is not there: for whoever runs several of the scripts.

say() { printf '== %s  (%(%H:%M:%S)T)\n' "$*"; }

bare_needs() {
  [ "$(id -u)" -eq 0 ] || { echo "$1: this needs root, for debootstrap and chroot" >&2; exit 1; }
  command -v debootstrap > /dev/null || { echo "$1: debootstrap is missing; apt-get install debootstrap" >&2; exit 1; }
}

# Where this machine's apt has Debian from; its updates and security fixes may be elsewhere.
bare_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Origin: Debian' | awk '$2 !~ /-/ && !found { print $1; found = 1 }'
}

bare_mounts=(root/.cache/ccache dev/shm dev/pts proc)
bare_finish() {
  local at
  for at in "${bare_mounts[@]}"; do
    if mountpoint -q "$bare/$at"; then umount "$bare/$at" || umount -l "$bare/$at"; fi
  done
  if [ "$bare_keep" = 1 ]; then echo "kept: $work"; else rm -rf --one-file-system "$work"; fi
}

bare_make() {
  local mirror=$2 file
  bare_keep=$3
  [ -n "$mirror" ] || mirror=$(bare_mirror)
  [ -n "$mirror" ] || { echo "$1: apt names no Debian mirror here; --mirror URL does" >&2; exit 1; }
  work=$(mktemp -d "/var/tmp/gantry-$1.XXXXXX")
  # What lies in it is looked at by other users: the root of a system.
  chmod 755 "$work"
  bare=$work/bare
  trap bare_finish EXIT
  trap 'exit 130' INT TERM
  say "a bare Debian 12"
  mkdir -m 755 "$bare"
  if [ -f "${GANTRY_BARE:-}" ]; then
    tar -C "$bare" -xf "$GANTRY_BARE"
  else
    debootstrap --variant=minbase bookworm "$bare" "$mirror" > "$work/debootstrap.log" || { tail -n 20 "$work/debootstrap.log"; exit 1; }
    [ -z "${GANTRY_BARE:-}" ] || tar -C "$bare" -cf "$GANTRY_BARE" .
  fi
  mount -t proc proc "$bare/proc"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$bare/dev/pts"
  mount -t tmpfs tmpfs "$bare/dev/shm"
  cp /etc/resolv.conf "$bare/etc/resolv.conf"
  # The installer of a system, or of a container, writes this.
  printf '%s localhost\n' 127.0.0.1 ::1 > "$bare/etc/hosts"
  for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do if [ -f "$file" ]; then cp "$file" "$bare/etc/apt/apt.conf.d/"; fi; done
}

bare_environment=()
bare_ccache() {
  # Its size is its owner's business: the default of a new system would throw most of a larger one away.
  bare_environment+=(CCACHE_MAXSIZE=0)
  mkdir -p "$bare/root/.cache/ccache"
  mount --bind "$1" "$bare/root/.cache/ccache"
}

inside() {
  chroot "$bare" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    "${bare_environment[@]}" "$@"
}

inside_quietly() { inside "$@" > "$work/last.log" 2>&1 < /dev/null || { tail -n 30 "$work/last.log"; return 1; }; }

small_image() (
  place=$(mktemp -d)
  trap 'rm -r "$place"' EXIT
  mkdir -p "$place/layer/etc"
  echo hello > "$place/layer/etc/issue"
  tar -C "$place/layer" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$place/layer.tar" etc
  printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(sha256sum < "$place/layer.tar" | cut -d ' ' -f 1)" > "$place/config.json"
  printf '[{"Config":"config.json","RepoTags":["hello:1"],"Layers":["layer.tar"]}]' > "$place/manifest.json"
  tar -C "$place" -cf "$1" manifest.json config.json layer.tar
)

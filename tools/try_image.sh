#!/usr/bin/env bash
# try_image.sh [--mirror URL] [--ccache DIR] [--keep]: builds the images of packaging/docker/Dockerfile from what is committed, and uses them.
#
# Needs root, debootstrap and dockerd, which is started for this alone, without a network of its own. The base image is a bare Debian 12 by
# debootstrap, so no registry is asked. The image tells its version, extracts, serves and pulls as docs/INSTALL.md has it, as a user that is not
# root; the one with a shell does what docs/CI.md has for GitLab. Compiles the program, which takes minutes; --ccache is a compiler cache, copied
# into the base image, that may have it already, e.g. one that walk.sh was given. --mirror is where Debian packages come from, default: the first
# that this machine's apt uses.
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
cd "$(dirname "$0")/.."
mirror='' ccache='' keep=0
while [ $# -gt 0 ]; do
  case $1 in
    --mirror) mirror=${2:?}; shift ;;
    --ccache) ccache=${2:?}; shift ;;
    --keep) keep=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
. tools/bare_debian.sh
bare_needs try_image
command -v dockerd > /dev/null || { echo "try_image: dockerd is missing; apt-get install docker.io" >&2; exit 1; }
bare_make try_image "$mirror" "$keep"

say "a docker engine"
export DOCKER_HOST=unix://$work/docker.sock
dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" --bridge=none --iptables=false --ip6tables=false \
  --ip-forward=false --ip-masq=false --userland-proxy=false --storage-driver=vfs > "$work/dockerd.log" 2>&1 &
engine=$!
stop_engine() {
  docker ps -q 2> /dev/null | xargs -r docker kill > /dev/null 2>&1 || true
  kill "$engine" 2> /dev/null || true
  wait "$engine" 2> /dev/null || true
}
trap 'stop_engine; bare_finish' EXIT
for ((tries = 0; tries < 300; tries++)); do
  if docker info > /dev/null 2>&1; then break; fi
  kill -0 "$engine" 2> /dev/null || { tail -n 20 "$work/dockerd.log"; exit 1; }
  sleep 0.2
done
if [ -n "$ccache" ]; then
  # Somebody may be compiling with it: files that come and go are no matter.
  mkdir -p "$bare/root/.cache/ccache"
  tar -C "$ccache" --exclude=./tmp --warning=no-file-changed --warning=no-file-removed --ignore-failed-read -cf - . | tar -C "$bare/root/.cache/ccache" -xf - || true
fi
tar -C "$bare" --one-file-system -cf - . | docker import --change 'ENV CCACHE_BASEDIR=/source CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=0' - debian:12 > /dev/null
# The base of the stage with a shell. This builder makes every stage on the way to the last, wanted or not.
docker tag debian:12 debian:12-slim

say "docker build"
mkdir "$work/source" "$work/out"
git archive HEAD | tar -C "$work/source" -x
DOCKER_BUILDKIT=0 docker build --network host -f "$work/source/packaging/docker/Dockerfile" -t gantry "$work/source" > "$work/build.log" 2>&1 ||
  { tail -n 30 "$work/build.log"; exit 1; }
DOCKER_BUILDKIT=0 docker build --network host -f "$work/source/packaging/docker/Dockerfile" --target shell -t gantry-shell "$work/source" >> "$work/build.log" 2>&1 ||
  { tail -n 30 "$work/build.log"; exit 1; }
docker image ls

say "docker run"
docker run --rm gantry --version
[ "$(docker inspect -f '{{.Config.User}}' gantry)" = 65532 ]
if docker run --rm --entrypoint /bin/sh gantry -c true 2> /dev/null; then echo "try_image: the image has a shell" >&2; exit 1; fi

# Out of an archive into a store that is a volume, served from there, and pulled from that by a third.
small_image "$work/out/hello.tar"
docker volume create layers > /dev/null
chmod 777 "$work/out"
docker run --rm -v layers:/tmp/gantry -v "$work/out:/out" -w /out gantry extract hello.tar
server=$(docker run -d --network host -v layers:/tmp/gantry gantry serve --listen 127.0.0.1:0)
at=''
for ((tries = 0; tries < 300 && ${#at} == 0; tries++)); do
  sleep 0.1
  at=$(docker logs "$server" 2>&1 | sed -n 's/.*listening on http:\/\///p')
done
docker run --rm --network host -v "$work/out:/out" -w /out --user 1000 gantry pull "$at/library/hello:1" --platform linux/amd64 -o again.tar
docker kill --signal TERM "$server" > /dev/null
tar -tf "$work/out/again.tar" | grep -qx manifest.json
[ "$(stat -c %u "$work/out/again.tar")" = 1000 ]

say "docker run, with a shell"
docker run --rm gantry-shell sh -c 'gantry --version && test -s /etc/ssl/certs/ca-certificates.crt'
docker run --rm -v "$work/out:/out" -w /out -e GANTRY_CACHE_DIR=/out/store gantry-shell sh -c 'gantry extract hello.tar && gantry save hello:1 -q -o shell.tar'
tar -tf "$work/out/shell.tar" | grep -qx manifest.json
echo "everything works"

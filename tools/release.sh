#!/usr/bin/env bash
# release.sh [BUILD_DIR]: a tarball that needs no packages, BUILD_DIR/../gantry-VERSION-linux-ARCHITECTURE.tar.gz, and its SHA-256.
# BUILD_DIR is build/release unless given; it is configured and built when need be. Equal sources and libraries give equal bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
[ -f "$build/build.ninja" ] || cmake --preset release -B "$build" -DGANTRY_BUILD_TESTS=OFF -DGANTRY_BUILD_BENCH=OFF -DGANTRY_BUILD_EXAMPLES=OFF > /dev/null
cmake --build "$build" --target gantry gantry-portable >&2

program=$build/portable/gantry-portable
# Libraries lie beside it, and nowhere else does it look before the system's places.
# shellcheck disable=SC2016
python3 tests/hardening.py "$program" '$ORIGIN/../lib' >&2
read -r _ version < <("$program" --version)
architecture=$(dpkg --print-architecture)
name=gantry-$version-linux-$architecture
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name
documents=$root/share/doc/gantry
mkdir -p "$root/bin" "$root/lib" "$documents/third-party"
install -s -m 755 "$program" "$root/bin/gantry"
cmake -DCMAKE_INSTALL_PREFIX="$root" -Dgantry_program="$program" -Dgantry_man=share/man/man1 -Dgantry_share=share -P cmake/InstallManual.cmake > /dev/null
page=$(sed -n 's/^GANTRY_PROJECT_PAGE:STRING=//p' "$build/CMakeCache.txt")
cmake -DCMAKE_INSTALL_PREFIX="$root" -Dgantry_package=tarball -Dgantry_documents=share/doc/gantry -Dgantry_source="$PWD" \
  -Dgantry_page="${page:-https://github.com/OWNER/gantry}" -Dgantry_version="$version" -P cmake/InstallDocuments.cmake > /dev/null

# The package that has a file. Some know theirs below /lib, which is /usr/lib.
package_of() {
  local file
  file=$(realpath "$1")
  dpkg -S "$file" 2> /dev/null || dpkg -S "${file#/usr}" 2> /dev/null || { echo "release: no package has $file" >&2; return 1; }
}

# Libraries beside the program: all that it is linked with but glibc's own.
packages=()
while read -r library; do
  package=$(package_of "$library" | cut -d : -f 1)
  [ "$package" != libc6 ] || continue
  install -m 644 "$library" "$root/lib/$(basename "$library")"
  packages+=("$package")
done < <(ldd "$program" | awk '$2 == "=>" { print $3 }' | sort -u)
shared=("${packages[@]}")

# Those that are in it: the packages of the archives on the link line.
while read -r archive; do
  packages+=("$(package_of "$archive" | cut -d : -f 1)")
done < <(sed -n 's/^GANTRY_ARCHIVE_[a-z_]*:FILEPATH=//p' "$build/CMakeCache.txt")
packages+=(libboost1.81-dev libcli11-dev libtomlplusplus-dev)
{
  echo "This program contains, or comes with, the following, each under the licence in third-party/PACKAGE."
  echo "Source: the Debian source packages of these versions, https://snapshot.debian.org"
  echo
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  for package in "${packages[@]}"; do
    kind="linked in"
    for one in "${shared[@]}"; do if [ "$one" = "$package" ]; then kind="in lib/, may be replaced"; fi; done
    dpkg-query -W -f "\${Package} \${Version} (source \${source:Package}): $kind\n" "$package"
    cp -L "/usr/share/doc/$package/copyright" "$documents/third-party/$package"
  done
} > "$documents/THIRD-PARTY"

date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y CHANGELOG.md)}
target=$(cd "$build/.." && pwd)/$name.tar.gz
tar -C "$work" --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w -cf - "$name" | gzip -9n > "$target.part"
mv "$target.part" "$target"
(cd "$(dirname "$target")" && sha256sum "$(basename "$target")")

#!/usr/bin/env bash
# collect.sh PROGRAM DIRECTORY: puts a program and all that it needs to run into an empty directory, for an image from scratch or a tarball
# that needs no packages: usr/bin/PROGRAM, its libraries, the loader, certificate authorities, and what resolves host names.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: collect.sh PROGRAM DIRECTORY" >&2; exit 2; }
program=$1 root=$2

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp"
chmod 1777 "$root/tmp"
install -s -m 755 "$program" "$root/usr/bin/"
ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | sort -u | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done
# Loaded by name at run time: ldd does not see them.
libraries=$(dirname "$(ldd "$program" | awk '/libc\.so\.6/ { print $3 }')")
for name in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
  if [ -e "$libraries/$name" ]; then install -D -m 755 "$libraries/$name" "$root$libraries/$name"; fi
done
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; fi
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
echo 'gantry:x:65532:65532::/tmp:' > "$root/etc/passwd"

#!/usr/bin/env bash
# ftp_upload.sh FILE: uploads FILE by FTP under its own name, first as NAME.part, so that NAME is never half a file.
#
# From the environment: FTP_SERVER, FTP_USERNAME and FTP_PASSWORD; FTP_PORT (default 21), FTP_PATH (a directory below the login directory,
# or from the root when it starts with /; made when missing), FTP_TLS=1 (explicit TLS, required then).
# The password reaches curl on standard input, never as an argument. With GITHUB_ACTIONS=true errors are printed as annotations, too.
# Exit codes: 2 usage, else curl's.
set -euo pipefail
export LC_ALL=C

# An error, for people, and for GitHub as a workflow command, which ends at the line and has '%' for escapes.
tell() {
  echo "ftp_upload: $1" >&2
  [ "${GITHUB_ACTIONS:-}" = true ] || return 0
  local text=${1//%/%25}
  text=${text//$'\r'/%0D}
  printf '::error title=ftp_upload::%s\n' "${text//$'\n'/%0A}"
}

refuse() { tell "$1"; exit 2; }

# Percent-encodes all but unreserved characters and '/'.
encoded() {
  local text=$1 out='' c i
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in
      [A-Za-z0-9._~/-]) out+=$c ;;
      *) printf -v c '%%%02X' "'$c"; out+=%${c: -2} ;;
    esac
  done
  printf '%s' "$out"
}

# A value inside the double quotes of a curl configuration line.
quoted() { local text=${1//\\/\\\\}; printf '%s' "${text//\"/\\\"}"; }

[ $# -eq 1 ] || refuse "name one file: ftp_upload.sh FILE"
file=$1
[ -f "$file" ] || refuse "there is no file '$file'; name the archive that gantry wrote"
for name in FTP_SERVER FTP_USERNAME FTP_PASSWORD; do
  [ -n "${!name:-}" ] || refuse "$name is not set; the upload needs FTP_SERVER, FTP_USERNAME and FTP_PASSWORD"
done
port=${FTP_PORT:-21} path=${FTP_PATH:-} base=$(basename -- "$file")
[[ $port =~ ^[0-9]{1,5}$ ]] || refuse "FTP_PORT is not a number"
[[ $FTP_SERVER =~ ^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$ ]] || refuse "FTP_SERVER is no host name; leave out ftp:// and the port"
[[ $FTP_USERNAME != *:* ]] || refuse "FTP_USERNAME has a colon, which FTP clients cannot send"
# A line break would begin another command of the protocol or another option of curl.
for value in "$base" "$path" "$FTP_USERNAME" "$FTP_PASSWORD"; do
  [[ $value != *[[:cntrl:]]* ]] || refuse "a name or the password has a control character"
done
[[ /$path/ != */../* ]] || refuse "FTP_PATH has '..'"

directory=$(encoded "${path%/}")
# In a URL a path from the root begins with an encoded slash.
[[ $path == /* ]] && directory=%2F${directory#/}
part=$base.part
tls=()
[ "${FTP_TLS:-}" = 1 ] && tls=(--ssl-reqd)

status=0
said=$(printf 'user = "%s:%s"\n' "$(quoted "$FTP_USERNAME")" "$(quoted "$FTP_PASSWORD")" |
  curl -q --config - --silent --show-error --connect-timeout 30 --retry 3 --speed-limit 1 --speed-time 60 --ftp-create-dirs "${tls[@]}" \
    --upload-file "$file" --quote "-RNFR $part" --quote "-RNTO $base" \
    "ftp://$FTP_SERVER:$port/${directory:+$directory/}$(encoded "$part")" 2>&1) || status=$?
if [ "$status" -ne 0 ]; then
  tell "$base is not on $FTP_SERVER: ${said:-curl ended with $status}"
  exit "$status"
fi
echo "ftp_upload: $base is on $FTP_SERVER" >&2

#!/usr/bin/env bash
# action_sync.sh: the last step of .github/workflows/sync.yml. SYNC_TARGET is REGISTRY[/NAMESPACE], SYNC_LIST the list (default images.json);
# SYNC_USERNAME and SYNC_PASSWORD are for the target, empty for none.
set -euo pipefail

refuse() { echo "::error title=gantry::$1"; exit 2; }
list=${SYNC_LIST:-images.json}
[ -n "${SYNC_TARGET:-}" ] || refuse "no target: give the input target, or set the variable SYNC_TARGET to REGISTRY[/NAMESPACE]"
[[ $SYNC_TARGET != -* ]] || refuse "the target begins with '-', which no registry does"
[ -f "$list" ] || refuse "there is no $list in this repository: commit a list as docs/SYNC.md of gantry describes, or name another with the input list"

if [ -n "${SYNC_USERNAME:-}" ]; then
  printf '%s' "${SYNC_PASSWORD:-}" | gantry login "${SYNC_TARGET%%/*}" -u "$SYNC_USERNAME" --password-stdin
elif [ -n "${SYNC_PASSWORD:-}" ]; then
  refuse "SYNC_PASSWORD is set and SYNC_USERNAME is not"
fi
unset SYNC_PASSWORD
exec gantry sync "./${list#./}" --to "$SYNC_TARGET"

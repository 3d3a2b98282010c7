#!/usr/bin/env bash
# action_pull.sh: the pull step of action.yml. Inputs come as INPUT_*; gantry's environment mode writes the outputs to GITHUB_OUTPUT.
set -euo pipefail

: "${INPUT_IMAGE_REF:?the input image_ref is empty; name an image}"
[[ $INPUT_IMAGE_REF != -* ]] || { echo "::error title=gantry::the input image_ref begins with '-', which no image name does"; exit 2; }

export IMAGE_REF=$INPUT_IMAGE_REF PLATFORM=${INPUT_PLATFORM:-linux/amd64}
if [ -n "${INPUT_OUTPUT:-}" ]; then export GANTRY_OUTPUT=$INPUT_OUTPUT; fi
if [ -n "${INPUT_FORMAT:-}" ]; then export GANTRY_FORMAT=$INPUT_FORMAT; fi
if [ -n "${INPUT_REPORT:-}" ]; then export GANTRY_REPORT=$INPUT_REPORT; fi
if [ -n "${INPUT_USERNAME:-}" ]; then
  export REGISTRY_USERNAME=$INPUT_USERNAME REGISTRY_PASSWORD=${INPUT_PASSWORD:-}
elif [ -n "${INPUT_PASSWORD:-}" ]; then
  echo "::error title=gantry::the input password is given and username is not: the image's registry wants both"
  exit 2
fi
unset INPUT_PASSWORD
exec gantry

#!/usr/bin/env bash
# Step 1: hides the token, and reads the inputs that say what is installed.
# Outputs: version, how (`archive` or `cargo`), trust (`pinned`: this action has to know the hash; `release`: the
# release may vouch for itself), modes (a list with commas), and key and kernel for the cache.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

if [[ -n $CODSPEED_INPUT_TOKEN ]]; then
  printf '::add-mask::%s\n' "$(message "$CODSPEED_INPUT_TOKEN")"
fi

read -r -d '' -a modes <<<"${CODSPEED_INPUT_MODE//,/ }" || true
if [[ ${#modes[@]} -eq 0 ]]; then
  die "The input \`mode\` is missing" "Say what to measure, for example \`mode: simulation\` below \`with:\`.
simulation: instructions, which repeat from run to run
walltime: real time, best on a machine without other work
memory: allocations
Several modes are a list: \`mode: simulation,memory\`.
Version 3 of this action had no such input; what it did is \`mode: simulation\`."
fi

# The newest release, by the names of its own archives. Runs in a shell of its own, for its trap.
latest() (
  sums=$(mktemp)
  trap 'rm -f "$sums" "$sums.log"' EXIT
  fetch "$RELEASES/latest/download/SHA256SUMS" "$sums" "The list of hashes of the latest release"
  sed -nE 's/^[0-9a-f]{64} [ *]codspeed-v([0-9A-Za-z.-]+)-(x86_64|aarch64)-unknown-linux-(gnu|musl)\.tar\.gz$/\1/p' "$sums" | sort -u
)

version=$CODSPEED_INPUT_RUNNER_VERSION
if [[ -z $version ]]; then
  version=$(<"$here/../../.codspeed-runner-version")
fi
readonly FORM='^v?([0-9]+\.[0-9]+\.[0-9]+)(-[0-9A-Za-z.-]+)?$'
how=archive
trust=release
if [[ $version == latest ]]; then
  need curl
  version=$(latest)
  [[ v$version =~ $FORM ]] ||
    die "The latest release is not known" "$RELEASES/latest/download/SHA256SUMS names no archive of \`codspeed\`. Name a version in the input \`runner-version\`."
elif [[ $version =~ $FORM ]]; then
  version=${version#v}
  [[ -n ${BASH_REMATCH[2]} ]] || trust=pinned
elif [[ $version == source || $version =~ ^branch:[^,[:space:]]+$ || $version =~ ^rev:[0-9a-fA-F]{7,40}$ ]]; then
  how=cargo
else
  die "\`$version\` is not a version" "The input \`runner-version\` takes \`latest\`, \`X.Y.Z\`, \`branch:NAME\`, \`rev:HASH\` or \`source\`."
fi

output version "$version"
output how "$how"
output trust "$trust"
output modes "$(IFS=, && printf '%s' "${modes[*]}")"
# A key of the cache may hold no commas.
output key "$(IFS=- && printf '%s' "${modes[*]}")"
output kernel "$(uname -r)"

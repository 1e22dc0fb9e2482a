#!/usr/bin/env bash
# Step 2: what the archive of the release has to hash to. Outputs: triple, sha256.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

version=$CODSPEED_ACTION_VERSION
case $(uname -s)-$(uname -m) in
  Linux-x86_64) triple=x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) triple=aarch64-unknown-linux-musl ;;
  *) die "There is no \`codspeed\` for this machine" "Releases are for Linux on x86-64 and on 64-bit ARM, and this is $(uname -s) on $(uname -m)." ;;
esac

# hashes.json has one hash a line below the line of its version; `cargo xtask lint` sees to that.
known=$(awk -v version="$version" -v triple="$triple" '
  { gsub(/[",:{} \t\r]+/, " ") }
  NF == 1 { current = $1 }
  NF == 2 && current == version && $1 == triple { print $2 }
' "$here/hashes.json")

if [[ -z $known ]]; then
  if [[ $CODSPEED_ACTION_TRUST == pinned ]]; then
    die "The hash of codspeed $version is not known" "This version of the action can't verify codspeed $version for $triple. It is newer than the action, was withdrawn, or never existed. Update the action, or leave out the input \`runner-version\`."
  fi
  need curl
  sums=$(mktemp)
  trap 'rm -f "$sums" "$sums.log"' EXIT
  fetch "$RELEASES/download/v$version/SHA256SUMS" "$sums" "The list of hashes of codspeed $version"
  name=codspeed-v$version-$triple.tar.gz
  known=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$sums")
  [[ -n $known ]] || die "codspeed $version has no archive for this machine" "The list of hashes of the release does not name $name."
  if [[ $CODSPEED_INPUT_SKIP_HASH_CHECK_WARNING != true ]]; then
    annotate warning "The hash of codspeed $version is not pinned" "The download is checked against the list of hashes of the release itself, and not against one that this action brings. A pinned \`runner-version\` is safer; \`skip-hash-check-warning: true\` silences this warning."
  fi
fi
[[ $known =~ ^[0-9a-f]{64}$ ]] || die "The hash of codspeed $version is damaged" "\`$known\` is not a SHA-256 hash of 64 digits."

output triple "$triple"
output sha256 "$known"

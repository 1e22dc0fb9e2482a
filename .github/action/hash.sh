#!/usr/bin/env bash
# Step 2: what the archive of the release has to hash to. Outputs: triple, sha256.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

version=$CODSPEED_ACTION_VERSION
case $(uname -s)-$(uname -m) in
  Linux-x86_64) machine=x86_64 ;;
  Linux-aarch64 | Linux-arm64) machine=aarch64 ;;
  *) die "There is no \`codspeed\` for this machine" "Releases are for Linux on x86-64 and on 64-bit ARM, and this is $(uname -s) on $(uname -m)." ;;
esac

# Triples that run here, the best one first, as in the installer: that for glibc, if this one is as new as that of the
# machine on which releases are built (`.github/workflows/release.yml`), and else the static one.
readonly BUILT_WITH=2035
triples=("$machine-unknown-linux-musl" "$machine-unknown-linux-gnu")
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc=''
if [[ $glibc =~ ^glibc\ ([0-9]+)\.([0-9]+) ]] && ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= BUILT_WITH)); then
  triples=("${triples[1]}" "${triples[0]}")
fi

# choose PROGRAM ARGUMENT...: sets `triple` and `known` to the first archive for which the program, asked by the name of
# its triple, has a hash.
choose() {
  for triple in "${triples[@]}"; do
    known=$("$@" "$triple")
    [[ -z $known ]] || return 0
  done
}

# hashes.json has one hash a line below the line of its version; `cargo xtask lint` sees to that.
pinned() {
  awk -v version="$version" -v triple="$1" '
    { gsub(/[",:{} \t\r]+/, " ") }
    NF == 1 { current = $1 }
    NF == 2 && current == version && $1 == triple { print $2 }
  ' "$here/hashes.json"
}

# The same in the list of hashes of the release.
released() {
  awk -v name="codspeed-v$version-$1.tar.gz" '$2 == name || $2 == "*" name { print $1 }' "$sums"
}

choose pinned
if [[ -z $known ]]; then
  if [[ $CODSPEED_ACTION_TRUST == pinned ]]; then
    die "The hash of codspeed $version is not known" "This version of the action can't verify codspeed $version for $machine. It is newer than the action, was withdrawn, or never existed. Update the action, or leave out the input \`runner-version\`."
  fi
  need curl
  sums=$(mktemp)
  trap 'rm -f "$sums" "$sums.log"' EXIT
  fetch "$RELEASES/download/v$version/SHA256SUMS" "$sums" "The list of hashes of codspeed $version"
  choose released
  [[ -n $known ]] || die "codspeed $version has no archive for this machine" "The list of hashes of the release names none of codspeed-v$version-$machine-unknown-linux-musl.tar.gz and codspeed-v$version-$machine-unknown-linux-gnu.tar.gz."
  if [[ $CODSPEED_INPUT_SKIP_HASH_CHECK_WARNING != true ]]; then
    annotate warning "The hash of codspeed $version is not pinned" "The download is checked against the list of hashes of the release itself, and not against one that this action brings. A pinned \`runner-version\` is safer; \`skip-hash-check-warning: true\` silences this warning."
  fi
fi
[[ $known =~ ^[0-9a-f]{64}$ ]] || die "The hash of codspeed $version is damaged" "\`$known\` is not a SHA-256 hash of 64 digits."

output triple "$triple"
output sha256 "$known"

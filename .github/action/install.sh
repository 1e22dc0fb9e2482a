#!/usr/bin/env bash
# Step 3: installs `codspeed` into a folder of this job and puts that into PATH. Output: bin.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

version=$CODSPEED_ACTION_VERSION
home=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/codspeed-action

# Downloads, verifies, and only then unpacks. The folder is named after the hash: a second use in the job finds it.
from_archive() {
  local expected=$CODSPEED_ACTION_SHA256 actual
  local name=codspeed-v$version-$CODSPEED_ACTION_TRIPLE
  bin=$home/$expected
  if [[ -x $bin/codspeed ]]; then
    return
  fi
  need curl sha256sum tar gzip
  fresh=$(mktemp -d "$home/unfinished.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  fetch "$RELEASES/download/v$version/$name.tar.gz" "$fresh/archive" "codspeed $version"
  actual=$(sha256sum <"$fresh/archive")
  actual=${actual%% *}
  [[ $actual == "$expected" ]] || die "The hash of codspeed $version is wrong" "$name.tar.gz was not unpacked.
expected: $expected
found:    $actual"
  tar -xzf "$fresh/archive" -C "$fresh" --no-same-owner
  [[ -x $fresh/$name/codspeed ]] || die "The archive of codspeed $version is not whole" "$name.tar.gz holds no program \`$name/codspeed\`."
  rm -rf "$bin"
  mv "$fresh/$name" "$bin"
}

# Builds from a branch, a commit, or the commit of this action itself.
from_source() {
  local package packages=(runner exec-harness)
  local install=(cargo install --locked --root "$home/source")
  bin=$home/source/bin
  if [[ ,$CODSPEED_ACTION_MODES, == *,memory,* ]]; then
    packages+=(memtrack)
  fi
  command -v cargo >/dev/null ||
    die "\`cargo\` is missing" "\`$version\` is built from source, which needs Rust. Install it in an earlier step, or name a release in the input \`runner-version\`."
  if [[ $version == source ]]; then
    for package in "${packages[@]}"; do
      "${install[@]}" --path "$here/../../crates/$package"
    done
    return
  fi
  if [[ $CODSPEED_INPUT_SKIP_HASH_CHECK_WARNING != true ]]; then
    annotate warning "codspeed is built from $version" "There is no hash that the build could be checked against. \`skip-hash-check-warning: true\` silences this warning."
  fi
  case $version in
    branch:*) install+=("--branch=${version#branch:}") ;;
    rev:*) install+=("--rev=${version#rev:}") ;;
  esac
  "${install[@]}" --git "$REPOSITORY" "${packages[@]}"
}

mkdir -p "$home"
case $CODSPEED_ACTION_HOW in
  archive) from_archive ;;
  cargo) from_source ;;
esac
"$bin/codspeed" --version || die "codspeed $version does not run on this machine" "\`$bin/codspeed --version\` failed; its output is above."
printf '%s\n' "$bin" >>"$GITHUB_PATH"
output bin "$bin"

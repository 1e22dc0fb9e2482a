#!/bin/sh
# Installs the programs of codspeed for one user: downloads an archive, verifies its SHA-256 before anything in it is
# unpacked or run, and puts the programs where they belong. Needs no root. Whatever goes wrong, nothing is changed.
#
# This is a template: `cargo xtask dist` writes the version, the address and the table of archives into it.
# A line of the table: target, SHA-256 of the archive, least version of glibc (`-`: any system).
set -eu
umask 022
# Messages of other programs are read by people only, but sorting and letters must not depend on their language.
LC_ALL=C
export LC_ALL

OWN_VERSION='@VERSION@'
BASE_URL='@BASE_URL@'
archives() {
  cat <<'TABLE'
@ARCHIVES@
TABLE
}

PROGRAMS='exec-harness codspeed-memtrack codspeed'

usage() {
  cat <<USAGE
Installs codspeed, exec-harness and codspeed-memtrack, version $OWN_VERSION.

Usage: codspeed-installer.sh [OPTIONS]

  --version V     another version, verified by the SHA256SUMS of its release
  --dir DIR       where the programs go [default: where they are already, or else ~/.local/bin]
  --base-url URL  where the releases are: URL/v<V>/codspeed-v<V>-<target>.tar.gz; https, or http on this machine
  --quiet         only errors
  --uninstall     remove what this installer has installed
  --help          this text

What was installed is written to \$XDG_CONFIG_HOME/codspeed/receipt.json, or below ~/.config.
USAGE
}

say() { [ -n "$QUIET" ] || printf '%s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

STAGE=''
MADE=''
NEW_RECEIPT=''
cleanup() {
  status=$?
  trap '' INT TERM HUP
  if [ -n "$STAGE" ]; then rm -rf -- "$STAGE"; fi
  if [ -n "$NEW_RECEIPT" ]; then rm -f -- "$NEW_RECEIPT"; fi
  # Folders that were made for nothing; the deepest one is first.
  [ "$status" -eq 0 ] || printf '%s' "$MADE" | while IFS= read -r folder; do
    rmdir -- "$folder" 2>/dev/null || true
  done
}

# Makes a folder with those above it, and remembers which ones it made.
make_folder() {
  [ ! -d "$1" ] || return 0
  # In `new` the outermost folder is the last one to be found missing, and so on top.
  new=''
  missing=$1
  while [ ! -e "$missing" ]; do
    new="$missing
$new"
    missing=$(dirname -- "$missing")
  done
  mkdir -p -- "$1" 2>/dev/null || return 1
  while IFS= read -r folder; do
    if [ -n "$folder" ]; then MADE="$folder
$MADE"; fi
  done <<NEW
$new
NEW
}

# A string as JSON has it. Control characters were refused.
json() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$/"/'; }
unjson() { sed 's/^"//; s/"$//; s/\\"/"/g; s/\\\\/\\/g'; }
# The value of a key in the receipt, which has a line for each.
receipt_value() { [ ! -f "$RECEIPT" ] || sed -n "s/^  \"$1\": \\(\".*\"\\),\\{0,1\\}\$/\\1/p" "$RECEIPT" | unjson; }
# The strings in a list of the receipt.
receipt_list() {
  [ ! -f "$RECEIPT" ] ||
    sed -n "/^  \"$1\": \\[\$/,/^  \\]/s/^    \\(\".*\"\\),\\{0,1\\}\$/\\1/p" "$RECEIPT" | unjson
}
# Lines as the inside of a list.
json_list() {
  comma=''
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    printf '%s\n    %s' "$comma" "$(json "$line")"
    comma=','
  done
}

sha256_of() {
  if has sha256sum; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif has shasum; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  else
    openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  fi
}

check_url() {
  case $1 in
    *[!A-Za-z0-9._~:/%+-]* | *@*) fail "the address \`$1\` has characters that are not expected in one" ;;
    https://?*) ;;
    http://127.0.0.1 | http://127.0.0.1[:/]* | http://localhost | http://localhost[:/]*) ;;
    *) fail "the address \`$1\` is not safe: only https is, or http on this machine" ;;
  esac
}

# Downloads $1 into the file $2. What a tool says is kept in a variable: the disk may be full.
download() {
  say "downloading $1"
  code=0
  if has curl; then
    case $1 in
      https:*) only='=https' ;;
      *) only='=http' ;;
    esac
    why=$(curl --proto "$only" --proto-redir '=https' --fail --silent --show-error --location --retry 3 \
      --connect-timeout 20 --speed-limit 5000 --speed-time 60 --max-time 1800 --max-filesize 104857600 --output "$2" -- "$1" \
      2>&1) || code=$?
  elif has wget; then
    # Not quiet: what went wrong is not always its last word.
    # It knows no limit for the whole, and not every system has a program that does.
    limit=''
    if has timeout; then limit='timeout 1800'; fi
    # shellcheck disable=SC2086 # several words
    why=$($limit wget -T 30 -O "$2" "$1" 2>&1) || code=$?
  else
    fail 'neither curl nor wget is installed' 'install one of them'
  fi
  [ "$code" -ne 0 ] || return 0
  why=$(printf '%s\n' "$why" | grep -i -e error -e fail -e curl: -e cannot | tail -n 1)
  fail "could not download $1 (${why:-exit code $code})" \
    'is there such a version, and room on the disk? Nothing was changed'
}

# The last line of a text.
last() { printf '%s\n' "$1" | tail -n 1; }

uninstall() {
  if [ ! -f "$RECEIPT" ]; then
    say "nothing to remove: there is no $RECEIPT"
    exit 0
  fi
  receipt_list files | while IFS= read -r file; do
    rm -f -- "$file" || exit 1
    say "removed $file"
  done || fail 'not everything could be removed; the receipt stays'
  folders=$(receipt_list folders)
  rm -f -- "$RECEIPT" || fail "could not remove $RECEIPT"
  printf '%s\n' "$folders" | while IFS= read -r folder; do
    # Others may have put something there since.
    [ -z "$folder" ] || rmdir -- "$folder" 2>/dev/null || true
  done
  say 'codspeed was removed'
  exit 0
}

# The version of glibc of this system, as `2.36`; nothing when there is another C library.
glibc_of_system() {
  version=$(getconf GNU_LIBC_VERSION 2>/dev/null) || version=''
  case $version in
    'glibc '*) printf '%s' "${version#glibc }" ;;
  esac
}

# Whether version $1 is at least $2; both as in `2.36`.
at_least() {
  [ "${1%%.*}" -gt "${2%%.*}" ] || { [ "${1%%.*}" -eq "${2%%.*}" ] && [ "$(minor "$1")" -ge "$(minor "$2")" ]; }
}
minor() {
  rest=${1#*.}
  printf '%s' "${rest%%[!0-9]*}"
}

# Sets TRIPLE, HASH from the table on stdin: the archive for glibc where it runs, or else the static one. Where nobody
# knows what an archive needs, who has the static one keeps it: there was a reason.
choose() {
  system=$(uname -s)
  [ "$system" = Linux ] || fail "there are no programs for $system" 'codspeed runs on Linux'
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
  esac
  glibc=$(glibc_of_system)
  TRIPLE='' HASH='' too_old=''
  while read -r triple hash needs; do
    case $triple in
      "$machine"-unknown-linux-gnu)
        if [ -n "$glibc" ] && { [ "$needs" = - ] || at_least "$glibc" "$needs"; }; then
          TRIPLE=$triple HASH=$hash
        else
          too_old="glibc $needs or newer; here is ${glibc:-another C library}"
        fi
        ;;
      "$machine"-unknown-linux-musl)
        if [ -z "$TRIPLE" ] || { [ "$VERSION" != "$OWN_VERSION" ] && [ "$(receipt_value target)" = "$triple" ]; }; then
          TRIPLE=$triple HASH=$hash
        fi
        ;;
    esac
  done
  [ -z "$TRIPLE" ] || return 0
  [ -z "$too_old" ] || fail "codspeed $VERSION for $machine needs $too_old"
  fail "there is no archive of codspeed $VERSION for this machine ($machine)"
}

# Whether the receipt says that just this is installed, and the programs are as they were.
is_installed() {
  [ "$(receipt_value archive_sha256)" = "$HASH" ] && [ "$(receipt_value dir)" = "$DIR" ] || return 1
  for program in $PROGRAMS; do
    [ -x "$DIR/$program" ] && [ "$(receipt_value "sha256_$program")" = "$(sha256_of "$DIR/$program")" ] || return 1
  done
}

write_receipt() {
  config=$(dirname -- "$RECEIPT")
  make_folder "$config" || fail "could not make the folder $config" 'set XDG_CONFIG_HOME to one that you may write to'
  # What an earlier run has made is still ours to remove.
  files=$({ for program in $PROGRAMS; do printf '%s\n' "$DIR/$program"; done; receipt_list files; } | sort -u)
  folders=$({ printf '%s' "$MADE"; receipt_list folders; } | sort -u -r)
  NEW_RECEIPT=$RECEIPT.new
  {
    printf '{\n  "format": 1,\n'
    printf '  "version": %s,\n' "$(json "$VERSION")"
    printf '  "target": %s,\n' "$(json "$TRIPLE")"
    printf '  "source": %s,\n' "$(json "$URL")"
    printf '  "base_url": %s,\n' "$(json "$BASE_URL")"
    printf '  "archive_sha256": %s,\n' "$(json "$HASH")"
    printf '  "dir": %s,\n' "$(json "$DIR")"
    for program in $PROGRAMS; do
      printf '  "sha256_%s": "%s",\n' "$program" "$(sha256_of "$UNPACKED/$program")"
    done
    printf '  "files": [%s\n  ],\n' "$(printf '%s\n' "$files" | json_list)"
    printf '  "folders": [%s\n  ]\n}\n' "$(printf '%s\n' "$folders" | json_list)"
  } 2>/dev/null >"$NEW_RECEIPT" || fail "could not write $RECEIPT" 'set XDG_CONFIG_HOME to a folder that you may write to'
}

# Moves the programs to their place. Each is replaced at once; when one can't be, all are as they were.
put() {
  for program in $PROGRAMS; do
    [ ! -d "$DIR/$program" ] || fail "$DIR/$program is a folder"
    [ ! -e "$DIR/$program" ] || why=$(cp -p -- "$DIR/$program" "$STAGE/old-$program" 2>&1) ||
      fail "could not keep a copy of $DIR/$program ($(last "$why"))" 'nothing was changed'
  done
  # Not in the middle of this.
  trap '' INT TERM HUP
  for program in $PROGRAMS; do
    why=$(mv -f -- "$UNPACKED/$program" "$DIR/$program" 2>&1) && continue
    put_back
    fail "could not replace $DIR/$program ($(last "$why"))" 'nothing was changed'
  done
  if ! why=$(mv -f -- "$NEW_RECEIPT" "$RECEIPT" 2>&1); then
    put_back
    fail "could not replace $RECEIPT ($(last "$why"))" 'nothing was changed'
  fi
}

put_back() {
  for program in $PROGRAMS; do
    if [ -e "$STAGE/old-$program" ]; then
      mv -f -- "$STAGE/old-$program" "$DIR/$program"
    elif [ ! -e "$UNPACKED/$program" ]; then
      rm -f -- "$DIR/$program"
    fi
  done
}

# The first of the default places that can be written to.
default_dir() {
  known=$(receipt_value dir)
  for folder in "$known" "${HOME:+$HOME/.local/bin}" "${HOME:+$HOME/bin}"; do
    [ -n "$folder" ] || continue
    above=$folder
    while [ ! -e "$above" ]; do above=$(dirname -- "$above"); done
    if [ -d "$above" ] && [ -w "$above" ]; then
      printf '%s' "$folder"
      return 0
    fi
  done
}

install() {
  for tool in tar gzip mktemp uname; do
    has "$tool" || fail "\`$tool\` is not installed"
  done
  has sha256sum || has shasum || has openssl || fail 'nothing that computes SHA-256 is installed' 'install coreutils'
  check_url "$BASE_URL"
  [ -n "$DIR" ] || DIR=$(default_dir)
  [ -n "$DIR" ] || fail 'there is no folder to install to' 'choose one that you may write to: --dir DIR'
  case $DIR in
    /*) ;;
    *) DIR=$(pwd)/$DIR ;;
  esac
  case $DIR$RECEIPT in
    *[[:cntrl:]]*) fail 'a folder has a control character in its name' ;;
  esac
  if [ "$VERSION" = "$OWN_VERSION" ]; then
    choose <<ROWS
$(archives)
ROWS
    if is_installed; then
      say "codspeed $VERSION is installed in $DIR already"
      return 0
    fi
  fi
  make_folder "$DIR" || fail "could not make the folder $DIR" 'choose one that you may write to: --dir DIR'
  # Beside the programs, so that they are moved at once, and a full or read-only disk is noticed before.
  STAGE=$(mktemp -d "$DIR/.codspeed-install.XXXXXX" 2>/dev/null) ||
    fail "could not write to $DIR" 'choose a folder that you may write to: --dir DIR'
  if [ "$VERSION" != "$OWN_VERSION" ]; then
    download "$BASE_URL/v$VERSION/SHA256SUMS" "$STAGE/sums"
    choose <<ROWS
$(sed -n "s/^\\([0-9a-f]\\{64\\}\\)  codspeed-v$(printf '%s' "$VERSION" | sed 's/\./\\./g')-\\([a-z0-9_-]*\\)\\.tar\\.gz\$/\\2 \\1 -/p" "$STAGE/sums")
ROWS
    if is_installed; then
      say "codspeed $VERSION is installed in $DIR already"
      return 0
    fi
  fi
  name="codspeed-v$VERSION-$TRIPLE"
  URL="$BASE_URL/v$VERSION/$name.tar.gz"
  download "$URL" "$STAGE/archive"
  got=$(sha256_of "$STAGE/archive")
  [ "$got" = "$HASH" ] || fail "$URL is not what was released: its SHA-256 is $got, and has to be $HASH" \
    'the download is damaged or was tampered with. Nothing was changed; try again'
  mkdir "$STAGE/unpacked" || fail "could not write to $DIR"
  why=$({ gzip -d -c <"$STAGE/archive" | tar -x -f - -C "$STAGE/unpacked"; } 2>&1) ||
    fail "could not unpack $URL ($(printf '%s\n' "$why" | head -n 1))" 'is there room on the disk? Nothing was changed'
  UNPACKED="$STAGE/unpacked/$name"
  for program in $PROGRAMS; do
    [ -f "$UNPACKED/$program" ] || fail "there is no \`$program\` in $URL"
  done
  why=$("$UNPACKED/codspeed" --version 2>&1) ||
    fail "codspeed does not run here ($(last "$why"))" 'nothing was changed'
  write_receipt
  put
  say "installed codspeed $VERSION ($TRIPLE) in $DIR"
  case ":${PATH:-}:" in
    *":$DIR:"*) ;;
    *) say "note: $DIR is not in PATH: add it, or call $DIR/codspeed" ;;
  esac
}

# All of the script is read before anything is done: `main` is the last line.
main() {
  QUIET='' VERSION=$OWN_VERSION DIR='' UNINSTALL=''
  while [ "$#" -gt 0 ]; do
    case $1 in
      --version | --dir | --base-url)
        if [ "$#" -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value"; fi
        case $1 in
          --version) VERSION=${2#v} ;;
          --dir) DIR=$2 ;;
          --base-url) BASE_URL=${2%/} ;;
        esac
        shift
        ;;
      --version=* | --dir=* | --base-url=*)
        option=${1%%=*}
        value=${1#*=}
        shift
        set -- "$option" "$value" "$@"
        continue
        ;;
      -q | --quiet) QUIET=1 ;;
      --uninstall) UNINSTALL=1 ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) fail "unknown option \`$1\`" 'codspeed-installer.sh --help lists what there is' ;;
    esac
    shift
  done
  case $VERSION in
    @*) fail 'this is the template of the installer' 'take the one of a release, or make one: cargo xtask dist' ;;
    '' | *[!0-9A-Za-z.+-]*) fail "\`$VERSION\` is not a version" 'as in --version 5.1.0' ;;
  esac
  config=${XDG_CONFIG_HOME:-${HOME:+$HOME/.config}}
  [ -n "$config" ] || fail 'neither XDG_CONFIG_HOME nor HOME is set'
  RECEIPT="$config/codspeed/receipt.json"
  if [ -n "$UNINSTALL" ]; then uninstall; fi
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  install
}

main "$@"

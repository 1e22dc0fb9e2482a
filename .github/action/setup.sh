#!/usr/bin/env bash
# Step 4: `codspeed setup` for each mode. A failure is a warning only: the machine may have what is needed, and if not,
# the run says what is missing.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

setup() {
  "$CODSPEED_ACTION_BIN/codspeed" setup "$@" ||
    annotate warning "codspeed setup failed" "\`codspeed setup $*\` failed; its output is above. The run goes on without."
}

# The cache holds what an earlier job set up for the same modes and version.
if [[ $CODSPEED_ACTION_CACHE_HIT != true ]]; then
  cache=()
  if [[ $CODSPEED_INPUT_CACHE_INSTRUMENTS == true ]]; then
    cache=("--setup-cache-dir=$CODSPEED_INPUT_INSTRUMENTS_CACHE_DIR")
  fi
  IFS=, read -r -a modes <<<"$CODSPEED_ACTION_MODES"
  for mode in "${modes[@]}"; do
    setup "--mode=$mode" "${cache[@]}"
  done
fi
if [[ -n $CODSPEED_INPUT_INSTRUMENTS ]]; then
  setup "--instruments=$CODSPEED_INPUT_INSTRUMENTS"
fi

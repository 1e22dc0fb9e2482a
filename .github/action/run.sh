#!/usr/bin/env bash
# Step 5: inputs become options, and `codspeed run` takes over.
set -euo pipefail

args=("--mode=$CODSPEED_ACTION_MODES")

# option NAME VALUE: hands on an input that is not empty.
option() {
  if [[ -n $2 ]]; then
    args+=("--$1=$2")
  fi
}

option working-directory "$CODSPEED_INPUT_WORKING_DIRECTORY"
option upload-url "$CODSPEED_INPUT_UPLOAD_URL"
option instruments "$CODSPEED_INPUT_INSTRUMENTS"
option mongo-uri-env-name "$CODSPEED_INPUT_MONGO_URI_ENV_NAME"
option go-runner-version "$CODSPEED_INPUT_GO_RUNNER_VERSION"
option config "$CODSPEED_INPUT_CONFIG"
option cycle-estimation "$CODSPEED_INPUT_CYCLE_ESTIMATION"
option exclude-allocations "$CODSPEED_INPUT_EXCLUDE_ALLOCATIONS"
if [[ $CODSPEED_INPUT_CACHE_INSTRUMENTS == true ]]; then
  option setup-cache-dir "$CODSPEED_INPUT_INSTRUMENTS_CACHE_DIR"
fi
if [[ $CODSPEED_INPUT_ALLOW_EMPTY == true ]]; then
  args+=(--allow-empty)
fi
# The command is one word: it arrives as it was written, with its quotes and lines.
if [[ $CODSPEED_INPUT_RUN == *[![:space:]]* ]]; then
  args+=(-- "$CODSPEED_INPUT_RUN")
fi

# Everybody may read command lines; an environment only its owner.
if [[ -n $CODSPEED_INPUT_TOKEN ]]; then
  export CODSPEED_TOKEN=$CODSPEED_INPUT_TOKEN
fi
codspeed=$CODSPEED_ACTION_BIN/codspeed
# The benchmark has no use for these, and none of them may hand it the token.
unset "${!CODSPEED_INPUT_@}" "${!CODSPEED_ACTION_@}"
exec "$codspeed" run "${args[@]}"

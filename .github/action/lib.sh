# What the steps share: annotations, outputs, downloads, hashes. Sourced, never run.
# shellcheck shell=bash

readonly REPOSITORY=https://github.com/CodSpeedHQ/codspeed
# Tests serve releases from this machine.
# shellcheck disable=SC2034 # The steps use it.
readonly RELEASES=${CODSPEED_RELEASES_URL:-$REPOSITORY/releases}

# Text as the message of a workflow command.
# https://docs.github.com/actions/reference/workflow-commands-for-github-actions
message() {
  local text=$1
  text=${text//'%'/'%25'}
  text=${text//$'\r'/'%0D'}
  printf '%s' "${text//$'\n'/'%0A'}"
}

# Text as a property of a workflow command.
property() {
  local text
  text=$(message "$1")
  text=${text//':'/'%3A'}
  printf '%s' "${text//','/'%2C'}"
}

# annotate error|warning TITLE TEXT. On stderr, as the caller's output may be kept in a variable.
annotate() {
  printf '::%s title=%s::%s\n' "$1" "$(property "$2")" "$(message "$3")" >&2
}

# die TITLE TEXT: says what is wrong and what helps, and ends the step.
die() {
  annotate error "$1" "$2"
  exit 1
}

# output NAME VALUE: an output of this step.
output() {
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

# The programs that all downloads need; containers may lack some of them.
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null ||
      die "\`$program\` is missing" "This step needs the programs $*. Install \`$program\` in an earlier step or in the image of the container."
  done
}

# fetch URL FILE WHAT: downloads, or ends the step with the reason.
fetch() {
  local url=$1 file=$2 what=$3 protocol status
  local loopback='^http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?/'
  if [[ $url =~ $loopback ]]; then
    protocol=http
  else
    protocol=https
  fi
  if ! status=$(curl --silent --show-error --location --proto "=$protocol" --connect-timeout 20 \
    --speed-time 60 --speed-limit 5000 --max-time 1800 --retry 3 --retry-delay 1 --output "$file" --write-out '%{http_code}' --url "$url" 2>"$file.log"); then
    die "$what could not be downloaded" "$url: $(<"$file.log")"
  fi
  case $status in
    200) ;;
    404) die "$what does not exist" "$url: the server answered 404. Check the input \`runner-version\`; $REPOSITORY/releases lists what there is." ;;
    *) die "$what could not be downloaded" "$url: the server answered $status." ;;
  esac
}

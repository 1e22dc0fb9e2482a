#!/bin/sh
# Runs Node once. A plugin that needs other options writes them into a file as
# {"flags":["--a","--b=1"]} and ends; then Node is run again with these options first.
asked=@FOLDER@/flags.$$
: >"$asked" || exit 1
__CODSPEED_NODE_CORE_INTROSPECTION_PATH__=$asked @REAL@ "$@" || exit
[ -s "$asked" ] || exit 0
text=
while IFS= read -r line || [ -n "$line" ]; do
    text=$text$line
done <"$asked"
# Between quotes stands a word of the list, after the key "flags".
flags=
rest=${text#*\"flags\"}
rest=${rest%%]*}
while :; do
    case $rest in
    *\"*\"*) ;;
    *) break ;;
    esac
    rest=${rest#*\"}
    flags="$flags ${rest%%\"*}"
    rest=${rest#*\"}
done
set -f
unset line text rest asked
# shellcheck disable=SC2086 # one word per option
exec @REAL@ $flags "$@"

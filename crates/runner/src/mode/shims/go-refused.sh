#!/bin/sh
# Benchmarks of Go can't be counted; everything else that the command does is passed on.
if [ "$1" = test ]; then
    echo "codspeed: benchmarks of Go are measured in mode walltime only (\`-m walltime\`)" >&2
    exit 1
fi
exec @REAL@ "$@"

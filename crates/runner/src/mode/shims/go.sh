#!/bin/sh
# Benchmarks of Go are measured by a program of their own, which calls `go` in turn and means the real one. Everything
# else that the command does is passed on.
real=@REAL@
# `-C FOLDER` comes before everything else.
case ${1-} in
-C | --C)
    if [ $# -gt 1 ]; then
        cd -- "$2" || exit 2
        shift 2
    fi
    ;;
-C=* | --C=*)
    cd -- "${1#*=}" || exit 2
    shift
    ;;
esac
case ${1-} in
test) ;;
run)
    shift
    exec "$real" run -work -ldflags="-s=false -w=false" "$@"
    ;;
*) exec "$real" "$@" ;;
esac
# Without our folder, wherever it is by now.
ours=@FOLDER@
rest=$PATH:
others=
while [ -n "$rest" ]; do
    entry=${rest%%:*}
    rest=${rest#*:}
    [ "$entry" = "$ours" ] || others=$others${others:+:}$entry
done
PATH=$others
export PATH
if command -v codspeed-go-runner >/dev/null; then
    exec codspeed-go-runner "$@"
fi
# There `go install` puts programs: of several folders in GOPATH, below the first.
gopath=$("$real" env GOPATH)
for folder in "${GOBIN-}" "$("$real" env GOBIN)" "${gopath%%:*}/bin"; do
    if [ -x "$folder/codspeed-go-runner" ]; then
        exec "$folder/codspeed-go-runner" "$@"
    fi
done
echo "codspeed: benchmarks of Go are measured by \`codspeed-go-runner\`, which is neither in PATH nor in GOBIN" >&2
echo "codspeed: \`codspeed setup --go-runner\` installs it" >&2
exit 1

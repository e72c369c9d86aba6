#!/bin/bash
# From nothing to the first delivered order: bench/first_order.sh [755|700] [uv|pip] [cold|warm]
# Clones this repository into a new folder of that mode, runs `make demo` there and says when what was reached.
mode=${1:-755} with=${2:-uv} cache=${3:-warm}
here=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
folder=$(mktemp -d) && chmod "$mode" "$folder" && cd "$folder" || exit 1
unset PYTHONDONTWRITEBYTECODE PYTHONPATH
[ "$cache" = cold ] && export PIP_CACHE_DIR=$folder/cache UV_CACHE_DIR=$folder/cache
now() { date +%s.%N; }
since() { awk -v a="$started" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'; }

started=$(now)
git clone -q "$here" clone && cd clone || exit 1
if [ "$with" = pip ]; then make demo UV= ARGS="--port 0" >../log 2>&1 & else make demo ARGS="--port 0" >../log 2>&1 & fi
demo=$!
for reached in "installed:test -e .venv/.base" "up:grep -aq ' is up' ../log" "delivered:grep -aq 'First order' ../log"; do
  until eval "${reached#*:}"; do
    kill -0 "$demo" 2>/dev/null || { tail -n 20 ../log; exit 1; }
    sleep 0.1
  done
  printf '%s after %s, ' "${reached%%:*}" "$(since)"
done
echo "$with, cache $cache, folder $mode, $(du -sm .venv | cut -f1) MB, load $(cut -d' ' -f1 /proc/loadavg)"
kill -INT "$(pgrep -P "$demo")" && wait "$demo"
rm -rf "$folder"

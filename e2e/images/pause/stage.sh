#!/bin/sh
# stage.sh STAGE: the pod's parent process, static.
set -eu
gcc -static -Os -s -Wall -o "$1/pause" "$(dirname "$0")/pause.c"

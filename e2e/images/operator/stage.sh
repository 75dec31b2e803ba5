#!/bin/sh
# stage.sh STAGE: the two programs, as the Makefile has just built them in $BINARIES.
set -eu
cp "$BINARIES/twofold" "$BINARIES/twofold-agent" "$1"

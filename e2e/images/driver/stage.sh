#!/bin/sh
# stage.sh STAGE: the Python driver of Cassandra, and our script.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/../python/install.sh" "$here/requirements.txt" "$1/python"
cp "$here/rows.py" "$1"

#!/bin/sh
# stage.sh STAGE: TensorFlow and its dependencies, without what training never reads (1,340 MB to 800 MB).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lib=$1/python
"$here/../python/install.sh" "$here/requirements.txt" "$lib"
cp "$here"/*.py "$1"
cd "$lib"
rm -rf tensorflow/include bin
# Only TensorFlow's own libraries: those of numpy and h5py are patched in a way that strip breaks.
find tensorflow -name '*.so*' -type f -exec strip --strip-unneeded {} +
find . -type d \( -name tests -o -name testdata \) -prune -exec rm -rf {} +
find . \( -name '*_test.py' -o -name '*.pyi' -o -name '*.a' -o -name '*.lib' \) -delete

#!/bin/sh
# stage.sh STAGE: Debian's Python 3.11 and the libraries it and the wheels need, unpacked without their
# maintainer scripts: no package manager, no init, busybox as the shell.
set -eu
packages=python3.11-minimal,libpython3.11-minimal,libpython3.11-stdlib,libc6,libstdc++6,libgcc-s1,zlib1g
packages=$packages,libssl3,libffi8,libbz2-1.0,liblzma5,libexpat1,libuuid1,base-files,netbase,busybox-static
mmdebstrap --quiet --variant=extract --include="$packages" --setup-hook='
    for dir in bin sbin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done
    ' bookworm "$1/root"
cd "$1/root"
rm -rf dev/* usr/share/doc usr/share/locale usr/share/man usr/lib/x86_64-linux-gnu/perl* var/cache var/lib/apt
ln -s python3.11 usr/bin/python3
for tool in sh cat env grep id ls ps readlink sleep; do ln -s busybox "usr/bin/$tool"; done
echo 'root:x:0:0:root:/root:/bin/sh
twofold:x:65532:65532:twofold:/tmp:/bin/sh' > etc/passwd
echo 'root:x:0:
twofold:x:65532:' > etc/group

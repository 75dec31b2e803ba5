#!/bin/sh
# stage.sh STAGE: a root file system with Cassandra from Maven artifacts, a Java runtime of the modules it
# uses, the C libraries of both, and busybox as the shell of the start scripts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$1/root
mkdir -p "$root/opt/cassandra" "$root/etc/cassandra" "$root/usr/lib/x86_64-linux-gnu" "$root/usr/lib64" \
    "$root/usr/bin" "$root/var/lib/cassandra" "$root/tmp"

mvn --quiet --batch-mode -f "$here/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$root/opt/cassandra/lib"
cd "$root/opt/cassandra/lib"
rm -f ./*-osx-*.jar ./*-windows-*.jar ./*-linux-aarch_64.jar ./*-linux-riscv64.jar

# The first line is what jdeps finds; crypto.ec and zipfs are for TLS and jar access, jdk.naming.rmi for JMX
# clients such as nodetool.
modules=java.base,java.compiler,java.desktop,java.instrument,java.management.rmi,java.naming,java.sql
modules=$modules,jdk.attach,jdk.management,jdk.unsupported,jdk.crypto.ec,jdk.zipfs,jdk.naming.rmi
jlink --add-modules "$modules" --output "$root/opt/java" \
    --strip-debug --no-man-pages --no-header-files --compress=2

cd "$root"
for dir in bin lib lib64; do ln -s "usr/$dir" "$dir"; done
for lib in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libz.so.1 libgcc_s.so.1 \
    libstdc++.so.6; do
    cp -L "/usr/lib/x86_64-linux-gnu/$lib" usr/lib/x86_64-linux-gnu/ 2>/dev/null ||
        cp -L "/lib/x86_64-linux-gnu/$lib" usr/lib/x86_64-linux-gnu/
done
cp -L /lib64/ld-linux-x86-64.so.2 usr/lib64/
cp "$(command -v busybox)" usr/bin/busybox
for tool in sh cat env grep id ls ps readlink sleep; do ln -s busybox "usr/bin/$tool"; done

cp -r "$here/bin" opt/cassandra/
cp "$here"/conf/* etc/cassandra/
ln -s /etc/cassandra opt/cassandra/conf
ln -s /var/lib/cassandra opt/cassandra/data
echo 'root:x:0:0:root:/root:/bin/sh
cassandra:x:999:999:cassandra:/var/lib/cassandra:/bin/sh' > etc/passwd
echo 'root:x:0:
cassandra:x:999:' > etc/group
echo 'hosts: files dns' > etc/nsswitch.conf
chmod 1777 tmp etc/cassandra var/lib/cassandra

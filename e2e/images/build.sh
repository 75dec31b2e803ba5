#!/bin/sh
# build.sh NAME OUT [INPUT…]: the image docker.io/twofold/NAME:test as the archive OUT.
#
# The recipe is the folder NAME beside this script: stage.sh fills an empty folder, Containerfile copies it.
# An archive is kept in the cache under the hash of the recipe and of the INPUT files, and built once; OUT is a
# link to it.
set -eu
name=$1 out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/twofold/images
mkdir -p "$cache" "$(dirname "$out")"

engine() {
    if docker info >/dev/null 2>&1; then echo docker; else echo buildah; fi
}

hash() {
    cat "$@" | sha256sum | cut -c1-16
}

# A recipe built on Python also depends on that one.
recipe() {
    find "$here/$1" -type f ! -name '*.pyc' | LC_ALL=C sort
    if grep -q BASE "$here/$1/Containerfile"; then recipe python; fi
}

# build RECIPE TAG [BASE]: into the engine's own store.
build() {
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
    "$here/$1/stage.sh" "$stage"
    case $(engine) in
    docker) docker build --quiet --build-arg BASE="${3:-}" -t "$2" -f "$here/$1/Containerfile" "$stage" ;;
    buildah) buildah bud --quiet --isolation chroot --format docker --build-arg BASE="${3:-}" -t "$2" \
        -f "$here/$1/Containerfile" "$stage" ;;
    esac >/dev/null
    rm -rf "$stage"
}

save() {
    case $(engine) in
    docker) docker save -o "$2" "$1" ;;
    buildah) buildah push --quiet "$1" "docker-archive:$2:$1" ;;
    esac
}

# The archive is what counts; the engine's own copy only takes room.
drop() {
    case $(engine) in
    docker) docker rmi "$1" ;;
    buildah) buildah rmi "$1" ;;
    esac >/dev/null
}

exists() {
    case $(engine) in
    docker) docker image inspect "$1" ;;
    buildah) buildah inspect --type image "$1" ;;
    esac >/dev/null 2>&1
}

# One at a time: another checkout may build under the same name.
exec 9> "$cache/lock"
flock 9

# shellcheck disable=SC2046 # no spaces in the recipes' paths
key=$(hash "$0" $(recipe "$name") "$@")
archive=$cache/$name-$key.tar
if [ ! -e "$archive" ]; then
    echo "image $name: building" >&2
    base=
    if grep -q BASE "$here/$name/Containerfile"; then
        # shellcheck disable=SC2046
        base=docker.io/twofold/python:$(hash $(recipe python))
        exists "$base" || build python "$base"
    fi
    tag=docker.io/twofold/$name:test
    build "$name" "$tag" "$base"
    rm -f "$archive.new"
    save "$tag" "$archive.new"
    find "$cache" -name "$name-????????????????.tar" -delete
    mv "$archive.new" "$archive"
    drop "$tag"
fi
ln -sfn "$archive" "$out"
echo "image $name: $(du -Lm "$out" | cut -f1) MB in $out" >&2

# usage: unshare --mount --net --pid --fork --kill-child sh walk.sh DIR
# Runs DIR/walk, commands of a document, in a copy of this system that ends with the script and has no network but loopback.
set -eu
dir=$1
view=$dir/view root=$dir/view/root
ip link set lo up
mkdir "$view"
mount -t tmpfs tmpfs "$view"
mkdir "$view/upper" "$view/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
rm -rf "$root/etc/krb5.conf" "$root/etc/krb5kdc" "$root/var/lib/krb5kdc" "$root/etc/wssgate"
mkdir -p "$root/walk"
mount --bind "$dir" "$root/walk"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp sh -c 'cd /walk && exec bash -eux -o pipefail walk'

# usage: unshare --mount --net sh install.sh DIR DEB
# Installs DEB in a copy of this system that ends with the script, runs its service until SIGTERM, updates and purges it.
# DIR has the keytab and the notify socket, and gets the socket of the operator's listener.
set -eu
dir=$1 deb=$2
view=$dir/view root=$dir/view/root
mkdir "$view"
mount -t tmpfs tmpfs "$view"
mkdir "$view/upper" "$view/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$view/upper,workdir=$view/work" "$root"
for d in proc dev; do mount --rbind "/$d" "$root/$d"; done
mkdir -p "$root$dir"
mount --bind "$dir" "$root$dir"
cp "$deb" "$root/wssgate.deb"
inside() { chroot "$root" "$@"; }

inside dpkg --no-triggers -i /wssgate.deb
install -o "$(inside id -u wssgate)" -m 600 "$dir/gateway.keytab" "$root/etc/wssgate/gateway.keytab"
install -d -o "$(inside id -u wssgate)" -g "$(inside id -g wssgate)" -m 700 "$root/var/lib/wssgate" # StateDirectory=
start=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/wssgate.service")
chroot "$root" setpriv --reuid wssgate --regid wssgate --init-groups --no-new-privs env -i STATE_DIRECTORY=/var/lib/wssgate \
  NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=1000000 WSSGATE_ADMIN="unix:$dir/admin.sock" $start &
service=$!
trap 'kill $service' TERM
wait $service || wait $service # the first one ends with the signal
trap - TERM
[ -n "$(ls "$root/var/lib/wssgate")" ]

for file in share/man/man1/wssgate-serve.1.gz share/man/man5/wssgate.yaml.5.gz share/doc/wssgate/docs/operations.md \
  share/bash-completion/completions/wssgate share/zsh/vendor-completions/_wssgate; do
  [ -s "$root/usr/$file" ]
done

echo '# mine' >>"$root/etc/wssgate/wssgate.yaml"
inside dpkg --no-triggers -i /wssgate.deb
tail -1 "$root/etc/wssgate/wssgate.yaml" | grep -qx '# mine'
inside dpkg --no-triggers -r wssgate
[ -e "$root/etc/wssgate/wssgate.yaml" ] && [ ! -e "$root/usr/bin/wssgate" ]
rm "$root/etc/wssgate/gateway.keytab"
inside dpkg --no-triggers -P wssgate
[ ! -e "$root/etc/wssgate" ] && [ ! -e "$root/var/lib/wssgate" ]
echo purged

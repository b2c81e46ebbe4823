#!/bin/sh
# Behind unpacking, of deb ("configure", and the version before) and rpm (1, or 2 for an update).
# A new installation is not started: its configuration is an example.
set -e
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers wssgate.conf
elif ! getent passwd wssgate >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/wssgate --no-create-home --shell /usr/sbin/nologin wssgate
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if [ "$1" = 2 ] || [ -n "$2" ]; then
    systemctl try-restart wssgate.service
  fi
fi

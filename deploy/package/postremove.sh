#!/bin/sh
# Behind removal, of deb ("remove", "purge", or "upgrade") and rpm (0, or 1 for an update). The
# replay journal goes with a purge alone: without it a message could be accepted again. The user
# stays, as files may be his.
set -e
if [ "$1" = purge ]; then
  rm -rf /var/lib/wssgate
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi

#!/bin/sh
# Before removal, of deb ("remove", or "upgrade") and rpm (0, or 1 for an update).
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
  systemctl disable --now wssgate.service
fi

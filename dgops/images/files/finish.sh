#!/bin/sh
# The last steps inside of the container that becomes an image: what needs its own programs, a /proc and a /dev.
set -eu

# The machine that builds may stand behind a proxy with certificates of its own; nobody else shall trust them.
if [ -n "$(find /usr/local/share/ca-certificates -type f)" ]; then
  find /usr/local/share/ca-certificates -mindepth 1 -delete
  update-ca-certificates --fresh >/dev/null
fi
rm -f /etc/apt/apt.conf.d/90proxy
apt-get clean
# shellcheck disable=SC2016 # dpkg's own variables
dpkg-query --show --showformat='${binary:Package} ${Version}\n'

#!/bin/sh
# PID 1 of a sandbox pod. The pod's environment stays in this process: an SSH session sees none of it.
set -eu

start_sshd() {
  mkdir -p /run/sshd /root/.ssh
  chmod 0700 /root/.ssh
  printf '%s\n' "$PUBLIC_KEY" >>/root/.ssh/authorized_keys
  chmod 0600 /root/.ssh/authorized_keys
  # The container disk is new at each boot, and so are these.
  rm -f /etc/ssh/ssh_host_*
  ssh-keygen -A >/dev/null
  for key in /etc/ssh/ssh_host_*_key.pub; do
    ssh-keygen -lf "$key"
  done
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /usr/sbin/sshd
}

if [ -n "${PUBLIC_KEY:-}" ]; then
  start_sshd
else
  echo "PUBLIC_KEY is empty: no sshd"
fi
echo "started"

# PID 1 has no default action for SIGTERM: a stop is ignored here and nobody else is told of it.
while :; do
  sleep infinity || :
done

#!/bin/bash
# PID 1 of a pod: keys in, host keys out, the pod's environment for those who log in, and then nothing for ever.
set -euo pipefail

user=seanf
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# What describes this process and no session, and the keys.
own=" _ PUBLIC_KEY HOME PWD OLDPWD SHLVL TERM HOSTNAME USER LOGNAME SHELL container "

run_hook() {
  if [ -f "$1" ]; then
    echo "running $1"
    bash "$1"
  fi
}

# For sessions of every kind sshd reads ~/.ssh/environment, one line each; a value of several lines is for shells.
write_environment() {
  local name value lines="" quoted=""
  for name in $(compgen -e); do
    case "$own" in *" $name "*) continue ;; esac
    value=${!name}
    quoted+="export $name='${value//\'/\'\\\'\'}'"$'\n'
    case "$value" in *$'\n'*) ;; *) lines+="$name=$value"$'\n' ;; esac
  done
  # There are tokens among them: nobody else may read these files, not even for a moment.
  (
    umask 077
    printf '%s' "$quoted" >/etc/rp_environment
    printf '%s' "$lines" >/root/.ssh/environment
    if id "$user" >/dev/null 2>&1; then
      # As the user: the folder is in the user's hands, who could lead root elsewhere by a link.
      printf '%s' "$lines" | runuser -u "$user" -- sh -c 'mkdir -p ~/.ssh && cat >~/.ssh/environment'
      chgrp "$user" /etc/rp_environment
      chmod 0640 /etc/rp_environment
    fi
  )
}

start_sshd() {
  install -d -m 0700 /root/.ssh
  (
    umask 077
    printf '%s\n' "$PUBLIC_KEY" >>/root/.ssh/authorized_keys
  )
  write_environment
  mkdir -p /run/sshd
  # Those that are there stay: a container that is started again shows the keys that are pinned.
  ssh-keygen -A >/dev/null
  for key in /etc/ssh/ssh_host_*_key.pub; do
    ssh-keygen -lf "$key"
  done
  env -i PATH="$path" /usr/sbin/sshd
}

run_hook /pre_start.sh
if [ -n "${PUBLIC_KEY:-}" ]; then
  start_sshd
else
  echo "PUBLIC_KEY is empty: no sshd"
fi
run_hook /post_start.sh
echo "started"

# PID 1 has no default action for SIGTERM.
trap 'exit 0' TERM INT
while :; do
  sleep infinity &
  wait $! || :
done

#!/bin/sh
# PID 1 of a sandbox WSL distro: a default user with sudo, /etc/wsl.conf, /mnt/c as Windows shows it, no systemd.
set -eu

# An image that was made for WSL brings its user.
user=$(getent passwd 1000 | cut -d: -f1)
user=${user:-wsluser}

first_boot() {
  if [ "$user" = wsluser ]; then
    id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --uid 1000 "$user"
    printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >"/etc/sudoers.d/$user"
    chmod 0440 "/etc/sudoers.d/$user"
  fi
  install -d -m 0755 /usr/lib/wsl/lib
  install -d -m 0700 -o "$user" -g "$user" "/home/$user/.ssh"
  printf '%s\n' "${PUBLIC_KEY:-}" >"/home/$user/.ssh/authorized_keys"
  chown "$user:$user" "/home/$user/.ssh/authorized_keys"
  chmod 0600 "/home/$user/.ssh/authorized_keys"
  # These two last: their presence says that the first boot is over.
  ssh-keygen -A >/dev/null
  if [ ! -f /etc/wsl.conf ]; then
    printf '[user]\ndefault=%s\n\n[boot]\nsystemd=false\n' "$user" >/etc/wsl.conf
  fi
}

if [ ! -f /etc/wsl.conf ] || [ ! -f /etc/ssh/ssh_host_ed25519_key ]; then
  first_boot
fi
# Without its metadata option, Windows' drive shows every file as everybody's.
chmod 0777 /mnt/c
mkdir -p /run/sshd
for key in /etc/ssh/ssh_host_*_key.pub; do
  ssh-keygen -lf "$key"
done
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /usr/sbin/sshd
echo "started"

while :; do
  sleep infinity || :
done

# shellcheck shell=sh disable=SC1091
# Written by dgops image build: variables of the pod for login shells, those of several lines included.
if [ -r /etc/rp_environment ]; then
  . /etc/rp_environment
fi

#!/bin/sh
# Installs what `cargo xtask slurm-test` needs on Debian and its kin: a controller, a node's daemon, the client programs, authentication.
# Nothing is configured and no service is started: the test brings a cluster of its own, in a temporary directory, on loopback.
set -eu
if [ "$(id -u)" != 0 ]; then
  echo "run this as root: sudo $0" >&2
  exit 1
fi
# A package that starts its service would start one without a configuration.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends slurmctld slurmd slurm-client munge

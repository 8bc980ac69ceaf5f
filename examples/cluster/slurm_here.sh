#!/bin/bash
# A Slurm cluster of this one machine, to try `engine: {kind: slurm}` with: Debian's slurm-wlm and munge, run as root.
#   examples/cluster/slurm_here.sh start | stop
set -euo pipefail
folder=${SLURM_HERE:-/tmp/slurm-here}
export SLURM_CONF=/etc/slurm/slurm.conf

start() {
    mkdir -p "$folder"/{state,spool} /run/munge /etc/slurm
    [ -f /etc/munge/munge.key ] || { head -c 1024 /dev/urandom > /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
    chown -R munge: /run/munge /etc/munge
    munge -n > /dev/null 2>&1 || runuser -u munge -- munged --force
    cat > "$SLURM_CONF" <<CONF
ClusterName=here
SlurmctldHost=$(hostname -s)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo) State=UNKNOWN
PartitionName=here Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    # slurmd wants the plugin of the kernel's hierarchy even where nothing is confined by it.
    if [ -d /sys/fs/cgroup/freezer ]; then echo "CgroupPlugin=cgroup/v1"; else printf 'CgroupPlugin=cgroup/v2\nIgnoreSystemd=yes\n'; fi > /etc/slurm/cgroup.conf
    scontrol ping 2> /dev/null | grep -q "is UP" || slurmctld
    sinfo --noheader --format=%t 2> /dev/null | grep -qE 'idle|mix|alloc' || slurmd
    for _ in $(seq 30); do
        sinfo --noheader --format=%t 2> /dev/null | grep -qE 'idle|mix|alloc' && { sinfo; return; }
        sleep 1
    done
    echo "the node did not come up; see $folder/slurmctld.log and slurmd.log" >&2
    return 1
}

stop() {
    pkill -x slurmd || true
    pkill -x slurmctld || true
    for _ in $(seq 20); do pgrep -r S,R,D '^slurm(d|ctld)$' > /dev/null || break; sleep 0.5; done
    pkill -x munged || true
}

case "${1:-}" in
    start | stop) "$1" ;;
    *) echo "usage: $0 start | stop" >&2; exit 2 ;;
esac

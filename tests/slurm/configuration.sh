# shellcheck shell=bash disable=SC2154
# The files of a cluster, for cluster.sh: what is asked of it stands in NODES, CPUS, GPUS, MEMORY,
# NETWORK and CONF, and where it lives in BASE, ETC, RUN, LOG and SOCKET.

# The first of some ports in a row that nobody listens on, below those that the system gives out.
free_ports() { # COUNT
    local first port
    for _ in $(seq 200); do
        first=$((20000 + (RANDOM * 32768 + RANDOM) % (12000 - $1)))
        for ((port = first; port < first + $1; port++)); do
            (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
        done
        echo "$first"
        return
    done
    return 1
}

node_lines() {
    local number host address
    for number in $(seq "$NODES"); do
        host=$(hostname -s) address=127.0.0.1
        [ "$NETWORK" = 1 ] && host=n$number address=$SUBNET.$((10 + number))
        echo "NodeName=n$number NodeHostname=$host NodeAddr=$address Port=$((PORT + number))" \
            "Sockets=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$MEMORY" \
            "${GPU_LINE:-} State=UNKNOWN"
    done
}

slurm_conf() {
    local controller=127.0.0.1 user
    user=$(id -un)
    [ "$NETWORK" = 1 ] && controller=$SUBNET.1
    [ "$GPUS" -gt 0 ] && echo "GresTypes=gpu" && local GPU_LINE="Gres=gpu:$GPUS"
    cat <<END
ClusterName=test$ID
SlurmctldHost=$(hostname -s)($controller)
SlurmctldPort=$PORT
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
# A credential's life is also how long a job that was put back waits before it may run again.
AuthInfo=socket=$SOCKET,cred_expire=10
StateSaveLocation=$BASE/state
SlurmdSpoolDir=$BASE/spool/%n
# Each its own: the PMIx plugin fails when two nodes share it.
TmpFS=$BASE/tmp/%n
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd.%n.pid
SlurmctldLogFile=$LOG/slurmctld.log
SlurmdLogFile=$LOG/slurmd.%n.log
# More processors than there are, and neither control groups nor binding.
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
PropagateResourceLimits=NONE
LaunchParameters=enable_nss_slurm
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# Quick to start, to notice and to end.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MinJobAge=3600
KillWait=5
SlurmdTimeout=15
SlurmctldTimeout=30
MessageTimeout=10
TCPTimeout=2
BatchStartTimeout=10
CompleteWait=0
InactiveLimit=0
UnkillableStepTimeout=60
ReturnToService=2
JobRequeue=1
RebootProgram=/bin/true
END
    node_lines
    echo "PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 State=UP"
    echo "PartitionName=short Nodes=ALL MaxTime=5 DefaultTime=5 State=UP"
    [ -z "$CONF" ] || cat "$CONF"
}

# Of lines with one key, the last: some keys must not come twice.
last_of_each() {
    tac | awk -F= '{
        key = tolower($1)
        many = key ~ /^(nodename|partitionname|slurmctldhost|#.*)$/
        if (many || !seen[key]++) print
    }' | tac
}

configure() {
    local number
    mkdir -p "$ETC" "$RUN" "$LOG" "$BASE"/{state,spool,munge,devices,tmp}
    chmod 755 "$BASE" "$ETC" "$RUN" "$LOG" "$BASE"/{munge,spool,devices}
    chmod 700 "$BASE/state"
    PORT=$(free_ports $((NODES + 1))) || die "no $((NODES + 1)) free ports in a row"
    ID=$(printf %04x "$PORT")
    SUBNET=10.$((64 + PORT / 256 % 64)).$((PORT % 256))
    (umask 077 && head -c 1024 /dev/urandom >"$BASE/munge/key")
    slurm_conf | last_of_each >"$SLURM_CONF"
    printf '%s\n' CgroupAutomount=no IgnoreSystemd=yes CgroupPlugin=cgroup/v1 >"$ETC/cgroup.conf"
    if [ "$GPUS" -gt 0 ]; then
        # A GPU is a device: one like /dev/null where one may be made, else a terminal of nobody's.
        local device=$BASE/devices/gpu
        for number in $(seq 0 $((GPUS - 1))); do
            mknod -m 666 "$device$number" c 1 3 2>/dev/null || device=/dev/tty
        done
        echo "NodeName=n[1-$NODES] Name=gpu File=${device}[0-$((GPUS - 1))]" >"$ETC/gres.conf"
    fi
    if [ "$NETWORK" = 1 ]; then
        echo "127.0.0.1 localhost"
        echo "$SUBNET.1 $(hostname -s)"
        for number in $(seq "$NODES"); do echo "$SUBNET.$((10 + number)) n$number"; done
    fi >"$ETC/hosts"
    for name in NODES NETWORK PORT SUBNET ID; do echo "$name=${!name}"; done >"$RUN/parameters"
}

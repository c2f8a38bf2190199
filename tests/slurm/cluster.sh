#!/usr/bin/env bash
# A Slurm cluster of one's own, for as long as a test takes: munged, slurmctld and a slurmd for each
# node, all on this machine, below one folder. Nothing in /etc, /run or /var is touched.
#
#   cluster.sh install                    installs what is missing, through apt
#   cluster.sh missing                    says what is missing; exit code 1 if anything is
#   cluster.sh up      [options]          starts a cluster and prints the variables to be set
#     -n, --nodes N      nodes, n1 to nN (4)
#     -c, --cpus N       processors that each claims to have (4)
#         --gpus N       GPUs that each claims to have (0)
#         --memory MIB   memory that each claims to have (2048)
#         --network      a network namespace for each node, with a host name and an address of its
#                        own (root only); else all nodes are this machine
#         --conf FILE    lines for slurm.conf, which replace those made here
#         --with PID     ends the cluster when this process is gone
#   cluster.sh down    [--purge]          ends it with every job; --purge removes the folder too
#   cluster.sh status                     exit code 0 if all of it runs
#   cluster.sh env                        prints the variables to be set
#   cluster.sh kill-node NODE             a crash: slurmd, steps and tasks are killed
#   cluster.sh stop-slurmd NODE           slurmd ends; steps and tasks go on
#   cluster.sh start-node NODE            starts the node, or its slurmd
#   cluster.sh kill-ctl | start-ctl       a crash of slurmctld, and its return with what it knew
#   cluster.sh cut-node | join-node NODE  pulls the node's network cable, or puts it back (--network)
#   cluster.sh exec [NODE] -- COMMAND     runs a command with the cluster's variables, on the node
#
# All take -b, --base FOLDER, where the cluster lives ($SLURM_TEST_BASE, else /tmp/slurm-test).
# A process is remembered with the time of its start: what is ended is exactly what was started.
set -u
export PATH="$PATH:/usr/sbin:/sbin"

SELF=$(readlink -f "${BASH_SOURCE[0]}")
readonly PACKAGES=(slurm-wlm munge openmpi-bin libopenmpi-dev mpich)
readonly COMMANDS=(slurmctld slurmd sbatch srun squeue scancel scontrol munged
    mpirun.openmpi mpicc.openmpi mpiexec.mpich mpicc.mpich)

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set -u/{/^set -u/d;s/^# \{0,1\}//;p}' "$SELF"
    exit 2
}

# ---- arguments ----------------------------------------------------------------------------------

VERB=${1:-}
[ $# -gt 0 ] && shift
BASE=${SLURM_TEST_BASE:-/tmp/slurm-test}
NODES=4 CPUS=4 GPUS=0 MEMORY=2048 NETWORK=0
CONF='' WITH='' PURGE=0 NODE='' PORT='' ID='' SUBNET=''
COMMAND=()
while [ $# -gt 0 ]; do
    case $1 in
    -b | --base | -n | --nodes | -c | --cpus | --gpus | --memory | --conf | --with)
        [ $# -gt 1 ] || die "$1 needs a value"
        case $1 in
        -b | --base) BASE=$2 ;;
        -n | --nodes) NODES=$2 ;;
        -c | --cpus) CPUS=$2 ;;
        --gpus) GPUS=$2 ;;
        --memory) MEMORY=$2 ;;
        --conf) CONF=$2 ;;
        --with) WITH=$2 ;;
        esac
        shift 2
        ;;
    --network) NETWORK=1 && shift ;;
    --purge) PURGE=1 && shift ;;
    --)
        shift
        COMMAND=("$@")
        break
        ;;
    -*) die "unknown option $1" ;;
    *) NODE=$1 && shift ;;
    esac
done

# ---- what must be there -------------------------------------------------------------------------

missing() {
    local command
    for command in "${COMMANDS[@]}"; do
        command -v "$command" >/dev/null || echo "$command"
    done
}

install() {
    local lack root=()
    lack=$(missing)
    [ -n "$lack" ] || { echo "nothing is missing" && return; }
    command -v apt-get >/dev/null ||
        die "missing: ${lack//$'\n'/, }; install Slurm, munge, Open MPI and MPICH (no apt-get here)"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "apt-get needs root, and there is no sudo"
        root=(sudo)
    fi
    echo "missing: ${lack//$'\n'/, }; installing ${PACKAGES[*]}${root:+ with sudo}"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q || die "apt-get update failed"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${PACKAGES[@]}" || die "apt-get install failed"
    lack=$(missing)
    [ -z "$lack" ] || die "still missing: ${lack//$'\n'/, }"
}

case $VERB in
install)
    install
    exit 0
    ;;
missing)
    lack=$(missing)
    [ -z "$lack" ] && exit 0
    echo "${lack//$'\n'/, }"
    exit 1
    ;;
up | down | status | env | exec | watch | kill-ctl | start-ctl) ;;
kill-node | stop-slurmd | start-node | cut-node | join-node)
    [[ $NODE =~ ^n[0-9]+$ ]] || die "$VERB needs a node, as n1"
    ;;
*) usage ;;
esac

if [ "$VERB" = up ]; then
    mkdir -p "$BASE" || die "cannot make $BASE"
fi
if [ ! -d "$BASE" ]; then
    [ "$VERB" = down ] && exit 0
    die "no cluster at $BASE"
fi
BASE=$(cd "$BASE" && pwd -P)
readonly ETC=$BASE/etc RUN=$BASE/run LOG=$BASE/log SOCKET=$BASE/munge/socket
export SLURM_CONF=$ETC/slurm.conf

# ---- processes ----------------------------------------------------------------------------------

# When a process was started, in the kernel's own count; nothing for one that is gone. One that
# nobody has reaped yet is gone.
started() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }'
}

remember() { # NAME PID
    echo "$2 $(started "$2")" >"$RUN/$1.process"
}

# The process that is remembered under a name, if it still runs.
process() {
    local pid start
    read -r pid start 2>/dev/null <"$RUN/$1.process" || return 1
    [ -n "$start" ] && [ "$(started "$pid")" = "$start" ] && echo "$pid"
}

runs() { process "$1" >/dev/null; }

spawn() { # NAME COMMAND...
    local name=$1
    shift
    setsid "$@" </dev/null >>"$LOG/$name.out" 2>&1 &
    remember "$name" $!
    disown $!
}

# Waits up to so many times 50 ms for a command to succeed.
await() { # TIMES COMMAND...
    local times=$1
    shift
    until "$@"; do
        ((times-- > 0)) || return 1
        sleep 0.05
    done
}

has_ended() { ! runs "$1"; }

stop() { # NAME [SIGNAL]
    local pid
    if pid=$(process "$1"); then
        kill -s "${2:-TERM}" "$pid" 2>/dev/null
        await 100 has_ended "$1" || { kill -KILL "$pid" && await 20 has_ended "$1"; }
    fi
    rm -f "$RUN/$1.process"
}

# The slurmstepd of a node's steps, or of all: known by the log that they have open, since they
# write their titles over their environments.
step_daemons() { # [NODE]
    local program file pid
    for program in /proc/[0-9]*/exe; do
        [[ $(readlink "$program") = */slurmstepd* ]] || continue
        pid=${program//[!0-9]/}
        for file in "/proc/$pid/fd/"*; do
            # shellcheck disable=SC2053
            [[ $(readlink "$file") = "$LOG"/slurmd.${1:-*}.log ]] && echo "$pid" && break
        done
    done
}

# What the steps of a node run, or of all: known by what its environment says.
step_processes() { # [NODE]
    local file environment
    for file in /proc/[0-9]*/environ; do
        environment=$'\n'$(tr '\0' '\n' 2>/dev/null <"$file")$'\n' || continue
        [[ $environment = *$'\n'"SLURM_CONF=$SLURM_CONF"$'\n'* ]] || continue
        # shellcheck disable=SC2053
        [[ $environment = *$'\n'SLURMD_NODENAME=${1:-*}$'\n'* ]] && echo "${file//[!0-9]/}"
    done
}

kill_steps() { # [NODE]
    local pid own=" $$ " found
    # Not this script, nor who has called it, should that be a task.
    pid=$$
    while pid=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f2) && [ "${pid:-0}" -gt 1 ]; do
        own="$own$pid "
    done
    for _ in 1 2 3; do
        # Those that would report the end of the others go first: a node that crashes tells nothing.
        found="$(step_daemons "${1:-}") $(step_processes "${1:-}")"
        [ -n "${found// /}" ] || return 0
        for pid in $found; do
            [[ $own = *" $pid "* ]] || kill -KILL "$pid" 2>/dev/null
        done
        sleep 0.1
    done
}

# ---- configuration ------------------------------------------------------------------------------

# shellcheck source-path=SCRIPTDIR source=configuration.sh
. "${SELF%/*}/configuration.sh"

print_variables() {
    echo "export SLURM_CONF='$SLURM_CONF'"
    [ "$(id -u)" != 0 ] ||
        echo "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
    # Nodes with one host name collide in Open MPI's shared memory.
    [ "$NETWORK" = 1 ] || echo "export OMPI_MCA_btl=self,tcp"
}

load() {
    [ -f "$RUN/parameters" ] || die "no cluster at $BASE"
    # shellcheck source=/dev/null
    . "$RUN/parameters"
}

# ---- nodes --------------------------------------------------------------------------------------

# The first process of a node with namespaces of its own, which also reaps what loses its parent.
node_main() {
    cat <<'END'
hostname "$NODE"
mount --bind "$HOSTS" /etc/hosts
mount -t tmpfs -o mode=1777 shm /dev/shm
for _ in $(seq 200); do ip link show eth0 >/dev/null 2>&1 && break; sleep 0.02; done
mount -t sysfs sysfs /sys 2>/dev/null
ip link set lo up
ip addr add "$ADDRESS/24" dev eth0
ip link set eth0 up
ip route add default via "${ADDRESS%.*}.1"
slurmd -D -N "$NODE" -f "$SLURM_CONF" &
trap "kill -TERM $!" TERM INT
while :; do wait; sleep 0.2; done
END
}

first_child() { awk '{ print $1; exit }' "/proc/$1/task/$1/children" 2>/dev/null | grep .; }

start_node() { # NODE
    local node=$1 outer inner host_end=v$ID$1
    mkdir -p "$BASE/spool/$node" "$BASE/tmp/$node"
    chmod 755 "$BASE/spool/$node"
    chmod 1777 "$BASE/tmp/$node"
    if [ "$NETWORK" = 0 ]; then
        runs "$node" || spawn "$node" slurmd -D -N "$node" -f "$SLURM_CONF"
        return
    fi
    if inner=$(process "$node.first"); then
        slurmd_of "$node" >/dev/null ||
            nsenter -t "$inner" -n -m -u -i -p \
                setsid slurmd -N "$node" -f "$SLURM_CONF" </dev/null >>"$LOG/$node.out" 2>&1
        return
    fi
    NODE=$node ADDRESS=$SUBNET.$((10 + ${node#n})) HOSTS=$ETC/hosts spawn "$node" \
        unshare --net --mount --uts --ipc --pid --fork --kill-child=KILL --mount-proc \
        bash -c "$(node_main)"
    outer=$(process "$node")
    await 100 first_child "$outer" >/dev/null || die "$node did not start: $(tail -2 "$LOG/$node.out")"
    inner=$(first_child "$outer")
    remember "$node.first" "$inner"
    ip link del "$host_end" 2>/dev/null
    if ! { ip link add "$host_end" type veth peer name eth0 netns "$inner" &&
        ip link set "$host_end" master "sb$ID" up; }; then
        die "$node cannot be given a network"
    fi
}

slurmd_of() { # NODE
    local inner child
    [ "$NETWORK" = 1 ] || { process "$1" && return; } || return 1
    inner=$(process "$1.first") || return 1
    for child in $(<"/proc/$inner/task/$inner/children"); do
        [[ $(readlink "/proc/$child/exe") = */slurmd* ]] && echo "$child" && return
    done
    return 1
}

kill_node() { # NODE
    if [ "$NETWORK" = 1 ]; then
        stop "$1.first" KILL
        stop "$1" KILL
    else
        stop "$1" KILL
        kill_steps "$1"
    fi
}

stop_slurmd() { # NODE
    local pid
    pid=$(slurmd_of "$1") || return 0
    kill "$pid"
    await 100 test ! -d "/proc/$pid" || await 1 test -z "$(started "$pid")" || die "$1 does not end"
    [ "$NETWORK" = 1 ] || rm -f "$RUN/$1.process"
}

# ---- the whole ----------------------------------------------------------------------------------

munge_answers() { munge -S "$SOCKET" -n 2>/dev/null | unmunge -S "$SOCKET" >/dev/null 2>&1; }

all_ready() {
    runs slurmctld || return 0
    [ "$(timeout 5 sinfo -h -N -p batch -t idle,alloc,mix,comp -o %N 2>/dev/null | sort -u | wc -l)" = "$NODES" ]
}

no_jobs() { [ -z "$(timeout 5 squeue -h -o %A 2>/dev/null)" ]; }

up() {
    local lack number
    lack=$(missing)
    [ -z "$lack" ] || die "missing: ${lack//$'\n'/, }; run: $SELF install"
    if [ -f "$RUN/parameters" ] && runs slurmctld; then
        load
        print_variables
        return
    fi
    [ -f "$RUN/parameters" ] && "$SELF" down -b "$BASE" >/dev/null 2>&1
    rm -rf "$BASE"/{state,spool,tmp,run,munge}
    configure
    # Whatever goes wrong from here on, nothing is left running.
    trap '"$SELF" down -b "$BASE" >/dev/null' EXIT
    if [ -n "$WITH" ]; then
        spawn watch "$SELF" watch --with "$WITH" -b "$BASE"
    fi
    spawn munged munged -F -S "$SOCKET" --key-file="$BASE/munge/key" --num-threads=4 \
        --pid-file="$BASE/munge/pid" --log-file="$LOG/munged.log" --seed-file="$BASE/munge/seed"
    await 100 munge_answers || die "munged did not start: $(tail -3 "$LOG"/munged.*)"
    if [ "$NETWORK" = 1 ]; then
        if ! { ip link add "sb$ID" type bridge && ip addr add "$SUBNET.1/24" dev "sb$ID" &&
            ip link set "sb$ID" up; }; then
            die "cannot make a network bridge, which needs root"
        fi
    fi
    spawn slurmctld slurmctld -D -i -f "$SLURM_CONF"
    for number in $(seq "$NODES"); do start_node "n$number"; done
    await 600 all_ready || die "not all of the $NODES nodes came up; see $LOG"
    runs slurmctld || die "slurmctld ended: $(tail -5 "$LOG"/slurmctld.*)"
    trap - EXIT
    print_variables
}

down() {
    local number name pid jobs
    if [ -f "$RUN/parameters" ]; then
        load
        if runs slurmctld; then
            jobs=$(timeout 5 squeue -h -o %A 2>/dev/null | sort -u)
            if [ -n "$jobs" ]; then
                # shellcheck disable=SC2086
                timeout 5 scancel --full -s KILL $jobs 2>/dev/null
                # shellcheck disable=SC2086
                timeout 5 scancel $jobs 2>/dev/null
                await 60 no_jobs
            fi
        fi
        # All at once: each slurmd takes two seconds to end.
        for name in slurmctld $(seq -f 'n%.0f' "$NODES"); do
            pid=$(process "$name") && kill "$pid"
        done
        stop slurmctld
        for number in $(seq "$NODES"); do
            if [ "$NETWORK" = 1 ]; then
                kill_node "n$number"
                ip link del "v${ID}n$number" 2>/dev/null
            else
                stop "n$number"
            fi
        done
        [ "$NETWORK" = 1 ] && ip link del "sb$ID" 2>/dev/null
        kill_steps
        stop munged
        pid=$(process watch) && [ "$pid" != $PPID ] && stop watch
        rm -f "$RUN/parameters"
    fi
    [ "$PURGE" = 0 ] || rm -rf "$BASE"
}

# Ends the cluster when whoever wanted it is gone.
watch() {
    local start
    start=$(started "$WITH")
    while [ -n "$start" ] && [ "$(started "$WITH")" = "$start" ]; do sleep 0.5; done
    "$SELF" down --purge -b "$BASE"
}

status() {
    local name code=0
    for name in munged slurmctld; do
        if runs "$name"; then echo "$name runs"; else echo "$name does not run" && code=1; fi
    done
    for name in $(seq -f 'n%.0f' "$NODES"); do
        if slurmd_of "$name" >/dev/null; then echo "$name runs"; else echo "$name does not run" && code=1; fi
    done
    timeout 5 sinfo -N -p batch -o '%N %t %c %m %G %E' || code=1
    return $code
}

execute() {
    local inner
    eval "$(print_variables)"
    if [ "$NETWORK" = 0 ]; then
        exec "${COMMAND[@]}"
    elif [ -n "$NODE" ]; then
        inner=$(process "$NODE.first") || die "$NODE does not run"
        exec nsenter -t "$inner" -n -m -u -i -p -- "${COMMAND[@]}"
    else
        # Here, but knowing the names of the nodes.
        # shellcheck disable=SC2016
        exec unshare -m --propagation private bash -c \
            'mount --bind "$0" /etc/hosts && exec "$@"' "$ETC/hosts" "${COMMAND[@]}"
    fi
}

case $VERB in
up) up ;;
down) down ;;
watch) watch ;;
*)
    load
    case $VERB in
    status) status ;;
    env) print_variables ;;
    exec) execute ;;
    kill-node) kill_node "$NODE" ;;
    stop-slurmd) stop_slurmd "$NODE" ;;
    start-node) start_node "$NODE" ;;
    kill-ctl) stop slurmctld KILL ;;
    start-ctl) runs slurmctld || spawn slurmctld slurmctld -D -i -f "$SLURM_CONF" ;;
    cut-node | join-node)
        [ "$NETWORK" = 1 ] || die "$VERB needs a cluster with --network"
        if [ "$VERB" = cut-node ]; then state=down; else state=up; fi
        ip link set "v$ID$NODE" "$state"
        ;;
    esac
    ;;
esac

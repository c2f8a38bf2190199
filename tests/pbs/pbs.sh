#!/usr/bin/env bash
# A batch system for one machine that speaks as PBS Pro does: linked into a folder under the names of
# its commands, it keeps its jobs in that folder's `spool`. What it does not know, it refuses.
set -u
NAME=$(basename "$0")
SPOOL=$(cd "$(dirname "$0")" && pwd)/spool
mkdir -p "$SPOOL"

fail() { # CODE WORDS...
    local code=$1
    shift
    echo "$NAME: $*" >&2
    exit "$code"
}

# The value of a directive in a script's head.
directive() { # SCRIPT PATTERN
    sed -n "s/^#PBS $2//p" "$1" | tail -1 | sed 's/^"\(.*\)"$/\1/'
}

submit() {
    local script=$1 number=1 queue nodes output
    [ -r "$script" ] || fail 1 "script file '$script' cannot be loaded"
    queue=$(directive "$script" '-q ')
    [ "$queue" != nosuch ] || fail 170 "Unknown queue"
    [ ! -e "$SPOOL/unreachable" ] || fail 111 "cannot connect to server pbs (errno=111)"
    until mkdir "$SPOOL/$number" 2>/dev/null; do number=$((number + 1)); done
    nodes=$(directive "$script" '-l select=' | sed 's/:.*//')
    output=$(directive "$script" '-o ')
    cd "$SPOOL/$number" || exit
    cp "$script" script
    directive "$script" '-N ' >name
    directive "$script" '-l walltime=' >walltime
    echo "$nodes" >nodes
    env -0 >environment
    if [ -e "$SPOOL/full" ]; then
        echo Q >state
    else
        # The job finds what its user had, and starts at home.
        (
            cd "${HOME:-/}" || exit
            PBS_JOBID=$number.fake PBS_ENVIRONMENT=PBS_BATCH FAKE_JOB=$SPOOL/$number \
                setsid bash "$SPOOL/$number/script" >"${output:-/dev/null}" 2>&1 </dev/null &
            echo $! >"$SPOOL/$number/process"
            wait $!
            echo $? >"$SPOOL/$number/exit.new"
            mv "$SPOOL/$number/exit.new" "$SPOOL/$number/exit"
        ) >/dev/null 2>&1 </dev/null &
        echo R >state
    fi
    echo "$number.fake"
}

# A task on each node, which finds what the job was given and not what its shell has made of it.
distribute() {
    [ "$1" = -- ] && shift
    local node environment=() nodes
    mapfile -d '' environment <"$FAKE_JOB/environment"
    nodes=$(<"$FAKE_JOB/nodes")
    for node in $(seq 0 $((nodes - 1))); do
        env -i "${environment[@]}" PBS_JOBID="$PBS_JOBID" PBS_NODENUM="$node" NODE="node$node" "$@" &
    done
    wait
}

show() { # JOB WITH_HISTORY
    local number=${1%%.*} job=$SPOOL/${1%%.*} state code node
    [ -d "$job" ] || { echo "qstat: Unknown Job Id $1" >&2 && return 153; }
    state=$(<"$job/state")
    if [ -e "$job/exit" ]; then
        if [ "$2" = 0 ]; then
            echo "qstat: $1 Job has finished, use -x or -H to obtain historical job information" >&2
            return 35
        fi
        state=F
    fi
    echo "Job Id: $number.fake"
    echo "    Job_Name = $(<"$job/name")"
    echo "    job_state = $state"
    echo "    Resource_List.walltime = $(<"$job/walltime")"
    if [ "$state" = Q ]; then
        echo "    comment = $(<"$SPOOL/full")"
    else
        echo "    resources_used.walltime = 00:00:01"
        printf '    exec_host = '
        for node in $(seq 0 $(($(<"$job/nodes") - 1))); do
            [ "$node" = 0 ] || printf '+\n\t'
            printf 'node%s/0*2' "$node"
        done
        echo
    fi
    if [ "$state" = F ]; then
        code=$(<"$job/exit")
        if [ -e "$job/deleted" ]; then code=271; fi
        echo "    Exit_status = $code"
    fi
    echo
}

status() {
    local history=0 code=0 jobs=()
    while [ $# -gt 0 ]; do
        case $1 in
        -x) history=1 ;;
        -f) ;;
        -*) fail 2 "illegal option $1" ;;
        *) jobs+=("$1") ;;
        esac
        shift
    done
    [ ! -e "$SPOOL/unreachable" ] || fail 111 "cannot connect to server pbs (errno=111)"
    for job in "${jobs[@]}"; do show "$job" "$history" || code=$?; done
    exit $code
}

select_jobs() {
    local name=$3 job
    [ "$1 $2" = "-x -N" ] || fail 2 "usage"
    for job in "$SPOOL"/[0-9]*; do
        [ -d "$job" ] && [ "$(<"$job/name")" = "$name" ] && echo "$(basename "$job").fake"
    done
    exit 0
}

delete() {
    local id job code=0
    for id in "$@"; do
        job=$SPOOL/${id%%.*}
        if [ ! -d "$job" ]; then
            echo "qdel: Unknown Job Id $id" >&2 && code=153
        elif [ -e "$job/exit" ]; then
            echo "qdel: Job has finished $id" >&2 && code=35
        elif [ ! -e "$job/process" ]; then
            touch "$job/deleted" && echo 0 >"$job/exit"
        else
            touch "$job/deleted"
            pkill -TERM --session "$(<"$job/process")"
        fi
    done
    exit $code
}

case $NAME in
qsub) submit "$@" ;;
qstat) status "$@" ;;
qselect) select_jobs "$@" ;;
qdel) delete "$@" ;;
pbsdsh) distribute "$@" ;;
*) fail 2 "it is none of PBS's commands" ;;
esac

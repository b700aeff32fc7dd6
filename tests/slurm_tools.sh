#!/usr/bin/env bash
# A real Slurm on this machine for tests; they source it: one controller and some node daemons on the loopback, in a private
# folder, as root and without systemd. After sourcing: slurm_start N, slurm_stop, and what is below.

# Why there can be no Slurm here; empty where all is there.
slurm_missing() {
  local tool
  [ "$(id -u)" -eq 0 ] || { echo "node daemons must be started by root"; return; }
  for tool in munged munge slurmctld slurmd sbatch srun scontrol squeue; do
    command -v "$tool" >/dev/null 2>&1 || { echo "$tool is not installed"; return; }
  done
}

slurm_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=900 update >/dev/null 2>&1
  # No daemon of the packages may start by itself.
  SYSTEMD_OFFLINE=1 RUNLEVEL=1 apt-get -q -y -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 install --no-install-recommends \
    slurmctld slurmd slurm-client munge libpmi2-0 >/dev/null 2>&1
}

# A port with nothing behind it, nor behind the ones after it.
find_ports() { # N
  local base=$((20000 + $$ % 2000 * 10)) i busy
  while :; do
    busy=
    for i in $(seq 0 "$1"); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$((base + i))") 2>/dev/null; then busy=1; fi
    done
    [ -n "$busy" ] || break
    base=$((base + $1 + 1))
  done
  echo $base
}

write_slurm_conf() { # N
  local port
  port=$(find_ports "$1")
  # cred_expire is also how long a requeued job waits; TmpFS a node each, or runs over two nodes collide there.
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$slurm_folder/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool.%n
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.%n.pid
SlurmctldLogFile=$slurm_folder/slurmctld.log
SlurmdLogFile=$slurm_folder/slurmd.%n.log
TmpFS=$slurm_folder/tmp.%n
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=2,sched_interval=3,batch_sched_delay=0,sched_min_interval=0
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
KillWait=10
MinJobAge=3600
SlurmdTimeout=10
InactiveLimit=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=n[1-$1] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + $1))] CPUs=2 \
SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=INFINITE DefaultTime=10 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=5
CONF
}

slurm_node() { slurmd -N "$1"; }

slurm_start() { # N
  local i tries
  slurm_nodes=$1
  slurm_folder=$(mktemp -d /tmp/wf-slurm.XXXXXX) || return 1 # a socket's path must be short
  chmod 755 "$slurm_folder"
  export SLURM_CONF=$slurm_folder/slurm.conf
  mkdir "$slurm_folder/state"
  for i in $(seq "$1"); do mkdir "$slurm_folder/spool.n$i" "$slurm_folder/tmp.n$i"; done
  write_slurm_conf "$1"
  (umask 077; head -c 128 /dev/urandom >"$slurm_folder/munge.key")
  munged --force --key-file="$slurm_folder/munge.key" --socket="$slurm_folder/munge.socket" --pid-file="$slurm_folder/munged.pid" \
    --log-file="$slurm_folder/munged.log" --seed-file="$slurm_folder/munge.seed" || return 1
  slurmctld || return 1
  for i in $(seq "$1"); do slurm_node "n$i" || return 1; done
  for tries in $(seq 100); do
    [ "$(sinfo -h -p main -t idle -o %D 2>/dev/null)" != "$1" ] || return 0
    sleep 0.1
  done
  echo "after $tries looks the nodes are not up"
  sinfo -R
  return 1
}

slurm_pid() { cat "$slurm_folder/$1.pid" 2>/dev/null; }

slurm_stop() {
  local pids=() name pid tries
  [ -n "${slurm_folder:-}" ] || return 0
  scancel --state=PENDING 2>/dev/null
  scancel --state=RUNNING 2>/dev/null
  for tries in $(seq 60); do
    [ -n "$(squeue -h 2>/dev/null)" ] || break
    sleep 0.1
  done
  # Files with process numbers go away before their daemons do; munged last.
  for name in slurmctld $(seq -f slurmd.n%g "$slurm_nodes") munged; do
    pid=$(slurm_pid "$name")
    [ -z "$pid" ] || pids+=("$pid")
  done
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  for tries in $(seq 100); do
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.1
  done
  for pid in "${pids[@]}" $(slurm_processes); do kill -9 "$pid" 2>/dev/null; done
  rm -rf "$slurm_folder"
  slurm_folder=
}

# Processes of jobs, on one node or on all: their environment names this folder's slurm.conf.
slurm_processes() { # [NODE]
  local file
  grep -lszxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ | while read -r file; do
    grep -qsz '^SLURM_JOB_ID=' "$file" || continue
    [ -z "${1:-}" ] || grep -qszxF "SLURMD_NODENAME=$1" "$file" || continue
    file=${file#/proc/}
    echo "${file%/environ}"
  done
}

# The power of a node fails: its daemon, the keepers of its steps and the jobs' processes are gone at once.
slurm_kill_node() { # NODE
  local process keeper processes
  processes="$(slurm_pid "slurmd.$1") $(slurm_processes "$1")"
  for process in $processes; do
    keeper=$(ps -o ppid= -p "$process" | tr -d ' ')
    [ "$(cat "/proc/$keeper/comm" 2>/dev/null)" != slurmstepd ] || processes="$keeper $processes"
  done
  # shellcheck disable=SC2086
  kill -9 $processes 2>/dev/null
}

job_field() { scontrol -o show job "$1" 2>/dev/null | grep -o -E "(^| )$2=[^ ]*" | sed 's/.*=//' | sort -u | paste -s -d ' '; }
job_state() { job_field "$1" JobState; }

# Wait until these jobs are no longer in the queue.
await_jobs() { # SECONDS JOB...
  local limit=$(($(date +%s) + $1)) ids
  shift
  ids=$(IFS=,; echo "$*")
  while [ -n "$(squeue -h -j "$ids" 2>/dev/null)" ]; do
    [ "$(date +%s)" -lt "$limit" ] || { squeue; return 1; }
    sleep 0.3
  done
}

# Wait until a command says yes.
await() { # SECONDS COMMAND...
  local limit=$(($(date +%s) + $1))
  shift
  until "$@" 2>/dev/null; do
    [ "$(date +%s)" -lt "$limit" ] || return 1
    sleep 0.1
  done
}

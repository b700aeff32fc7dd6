#!/bin/bash
# How simulate scales: bench_scaling.sh [trajectories a rank]
#
# Weak scaling: as many trajectories for each of 1, 2 and 4 ranks. Work for a CPU second says what the ranks cost each other, also
# where there are fewer cores than ranks; the time on the clock is told only where each rank has a core. Start-up is taken off by a
# run of few trajectories. Memory: one rank's high-water mark, statistics only, as trajectories grow (Linux).
set -u
: "${abs_top_srcdir:?}" "${abs_top_builddir:?}"
program=$abs_top_builddir/weightflow
model=$abs_top_srcdir/inputs/models/cas.xml
each=${1:-10000}
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
TIMEFORMAT='%R %U %S'

# simulate RANKS TRAJECTORIES MODEL T_END: leaves "wall user system" in $scratch/time
simulate() {
  local run=$scratch/run
  rm -rf "$run"
  # The shell's clock counts the ranks' time too, since mpiexec is their parent.
  { time "${WF_MPIEXEC:-mpiexec}" -n "$1" "$program" simulate -simulate_model "$3" -simulate_t_end "$4" \
    -simulate_trajectories "$2" -simulate_store none -out "$run" >"$scratch/log" 2>"$scratch/errors"; } 2>"$scratch/time" &&
    return
  cat "$scratch/log" "$scratch/errors"
  exit 1
}

echo "Weak scaling of simulate, cas, $each trajectories a rank, statistics only"
echo "ranks  events  wall s  CPU s  million events/CPU s  efficiency/CPU  efficiency/wall"
cores=$(nproc)
for ranks in 1 2 4; do
  simulate $ranks $((32 * ranks)) "$model" 148.5
  read -r wall_0 user_0 system_0 <"$scratch/time"
  simulate $ranks $((each * ranks)) "$model" 148.5
  read -r wall user system <"$scratch/time"
  events=$(sed -n 's/.* trajectories, \([0-9]*\) events.*/\1/p' "$scratch/run/run.log")
  awk -v n=$ranks -v events="$events" -v wall="$wall" -v wall_0="$wall_0" -v cpu="$user" -v more="$system" -v cpu_0="$user_0" \
    -v more_0="$system_0" -v cores="$cores" -v file="$scratch/first" 'BEGIN {
      wall -= wall_0; cpu += more - cpu_0 - more_0; speed = events / 1e6 / cpu
      if (n == 1) print speed, wall >file
      else getline line <file
      split(n == 1 ? speed " " wall : line, first, " ")
      printf "%5d %10d %7.2f %6.2f %21.2f %15.3f  %s\n", n, events, wall, cpu, speed, speed / first[1],
        n <= cores ? sprintf("%.3f", first[2] / wall) : "fewer cores than ranks" }'
done

echo "Memory of simulate, sir, statistics only"
echo "trajectories  high-water mark, MiB"
for n in 10000 100000 1000000; do
  "$program" simulate -simulate_model "$abs_top_srcdir/inputs/models/sir.xml" -simulate_t_end 20 -simulate_trajectories $n \
    -simulate_store none -out "$scratch/memory_$n" >"$scratch/log" 2>&1 &
  kilobytes=0
  while line=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$!/status" 2>/dev/null) && [ -n "$line" ]; do
    kilobytes=$line
    sleep 0.02
  done
  wait $! || { cat "$scratch/log"; exit 1; }
  printf "%12d  %s\n" "$n" "$(awk -v k="$kilobytes" 'BEGIN { printf "%.1f", k / 1024 }')"
done

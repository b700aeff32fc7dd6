#!/usr/bin/env bash
# `weightflow status` on runs in every state they can be in, made by the program itself where that is possible; and what a
# checkpoint costs: its size against the state it holds, its time against the default cadence.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

# state FOLDER: its line, without the header.
state() { "$program" status "$1" 2>&1 | grep -v '^# folder'; }
value() { sed -n "s/^$2: //p" "$1/status.txt"; } # FOLDER KEY
says() { grep -qE -e "$1"; }                     # PATTERN, of standard input

# --- running, then stopped ---
launch 2 one run "${small[@]}"
await_checkpoint one/train
line=$(state one)
check "running: $line" says '^one +running +train +[0-9]+ of 24 +.* ago ' <<<"$line"
"$program" status one -watch 0.1 >watched.txt 2>&1 &
watcher=$!
sleep 0.5
touch one/stop
finish
check "stopped: exit code $code" [ "$code" -eq 3 ]
check "-watch ends when nothing runs any more" wait $watcher
check "-watch repeats: $(grep -c '^one' watched.txt) looks" [ "$(grep -c '^one' watched.txt)" -ge 2 ]
check "-watch: last look" says '^one +(stopped|complete)' <<<"$(tail -n 1 watched.txt)"
check "stopped: $(state one)" says '^one +stopped, resubmit +train ' <<<"$(state one)"

# --- what the checkpoint costs ---
weights=$(sed -n 's/.*hypernetwork of \([0-9]*\) numbers/\1/p' one.txt | tail -n 1)
bytes=$([ "${WF_REAL:-float}" = double ] && echo 8 || echo 4)
held=$((3 * bytes * weights + 8 * 5 * $(newest_step one/train))) # phi and AdamW's two moments; the history
size=$(value one checkpoint_bytes)
check "status knows the size" [ "$size" -eq "$(stat -c %s "one/train/ckpt/step_$(newest_step one/train).h5")" ]
check "a checkpoint of $size bytes holds $held" [ $((10 * size)) -le $((12 * held)) ]
check "it holds the state: $size of $held bytes" [ $((3 * size)) -ge "$held" ]
seconds=$(value one checkpoint_seconds)
check "a checkpoint of $seconds s every 5 minutes" awk "BEGIN { exit !($seconds > 0 && $seconds < 0.01 * 300) }"
check "the log tells" said one.txt "train: checkpoint of step"

# --- killed ---
launch 2 two run "${small[@]}"
await_checkpoint two/pretrain
kill_tree "$job"
job=
check "killed: $(state two)" says '^two +stale: no heartbeat +' <<<"$(state two)"

# --- complete, and failed ---
run 0 1 two run "${small[@]}"
check "complete: $(state two)" says '^two +complete +report +' <<<"$(state two)"
run 2 1 three predict "${small[@]}"
check "failed: $(state three)" says '^three +failed, exit code 2 +predict ' <<<"$(state three)"

# --- another host: the heartbeat alone tells ---
mkdir far
fake() { # SECONDS_AGO LONGEST_STEP
  printf 'state: running\nstage: train\nstep: 5\nsteps: 10\nhost: elsewhere\njob: 17\nlongest_step: %s\nheartbeat: %d\n' \
    "$2" $(($(date +%s) - $1)) >far/status.txt
}
fake 30 1
check "far and near in time" says '^far +running +train +5 of 10 +.*elsewhere job 17$' <<<"$(state far)"
fake 3600 1
check "far and silent" says '^far +stale: no heartbeat .*silent for 1 h 00 min' <<<"$(state far)"
fake 3600 1000
check "far, with long steps" says '^far +running .*silent for 1 h 00 min' <<<"$(state far)"

# --- what is no run; several at once; no MPI is started ---
mkdir empty
"$program" status two empty three nowhere >out.txt 2>err.txt
code=$?
check "no run: exit code $code" [ $code -eq 2 ]
check "the others are shown" [ "$(wc -l <out.txt)" -eq 3 ]
check "each is named" [ "$(grep -c -E '^(empty|nowhere): no run: ' err.txt)" -eq 2 ]
"$program" status two one three >out.txt 2>&1
code=$?
check "three runs: exit code $code" [ $code -eq 0 ]
check "three lines" [ "$(wc -l <out.txt)" -eq 4 ]
env OMPI_MCA_pml=nothing OMPI_MCA_ess=nothing PATH=/nowhere "$program" status two >out.txt 2>&1
code=$?
check "without MPI: exit code $code" [ $code -eq 0 ]
for words in "" "two -wach" "two -watch 0"; do
  # shellcheck disable=SC2086
  "$program" status $words >out.txt 2>&1
  code=$?
  check "status $words: exit code $code" [ $code -eq 2 ]
  check "status $words: said" said out.txt "command line: "
done

report_checks

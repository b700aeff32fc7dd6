#!/usr/bin/env bash
# The whole pipeline, disturbed: the same digests on 1 to 4 ranks; after kill -9 at random moments, stop file, signals and time
# limit, each gone on with on another number of ranks; after damage to checkpoints and products.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

# --- any number of ranks ---
begin=$(date +%s%N)
run 0 1 reference run "${small[@]}"
whole=$((($(date +%s%N) - begin) / 1000000)) # milliseconds of an undisturbed run
digests reference >reference.digests
check "five products" [ "$(grep -c verified reference.digests)" -eq 5 ]
for ranks in 2 3 4; do
  run 0 "$ranks" "ranks_$ranks" run "${small[@]}"
  expect_same "ranks_$ranks" "$ranks ranks"
done

# --- kill -9 at ten moments spread over the undisturbed duration, two a run ---
RANDOM=20260
for pair in 0 1 2 3 4; do
  out=killed_$pair
  for half in 0 1; do
    launch $((1 + RANDOM % 4)) $out run "${small[@]}"
    moment=$(((2 * pair + half) * whole / 10 + RANDOM % (whole / 10)))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill_tree "$job"
    job=
    [ $half -eq 0 ] || expect_kept $out "killed twice"
    note_finished $out 2>/dev/null || : >$out.finished
  done
  run 0 $((1 + RANDOM % 4)) $out run "${small[@]}"
  expect_kept $out "killed after $moment ms"
  expect_same $out "killed, the last time after $moment ms"
done

# --- clean stops, one after the other in one folder: each leaves a checkpoint and exit code 3 ---
out=stopped
launch 2 $out run "${small[@]}"
await_checkpoint $out/pretrain
touch $out/stop
finish
check "stop file: exit code $code" [ "$code" -eq 3 ]
check "stop file: said" said $out.txt "the file \`stop\` asked for it: run the same command again to go on"
check "stop file: taken away" [ ! -e $out/stop ]
launch 3 $out run "${small[@]}"
await_checkpoint $out/train
kill -USR1 "$(list_ranks | tail -n 1)"
finish
check "USR1 to a rank: exit code $code" [ "$code" -eq 3 ]
check "USR1 to a rank: said" said $out.txt "train: stopped at step"
check "USR1 to a rank: checkpoint" compgen -G "$out/train/ckpt/step_*.h5" >/dev/null
launch 1 $out run "${small[@]}"
await_checkpoint $out/train
kill -USR1 "$job"
finish
check "USR1 to mpiexec: exit code $code" [ "$code" -eq 3 ]
launch 4 $out run "${small[@]}"
await_checkpoint $out/train
kill -TERM "$(list_ranks | head -n 1)"
finish
check "TERM to a rank: exit code $code" [ "$code" -eq 3 ]
note_finished $out
run 3 2 $out run "${small[@]}" -stop_minutes 1e-6
check "stop_minutes: said" said $out.txt "run.stop_minutes are over"
launch 2 $out run "${small[@]}"
await_checkpoint $out/train
kill -TERM "$job"
finish
check "TERM to mpiexec: exit code $code" [ "$code" -ne 0 ]
run 0 3 $out run "${small[@]}"
expect_kept $out "stopped five times"
expect_same $out "stopped five times"

# --- damage ---
out=damaged
run 0 1 $out simulate "${small[@]}"
run 0 2 $out pretrain "${small[@]}"
for _ in 1 2 3; do run 3 2 $out train "${small[@]}" -stop_minutes 1e-6; done # a step each
step=$(newest_step $out/train)
check "three steps" [ "$step" -eq 3 ]
newest=$out/train/ckpt/step_$step.h5
check "two checkpoints are kept" [ "$(find $out/train/ckpt -name '*.h5' | wc -l)" -eq 2 ]
truncate -s $(($(stat -c %s "$newest") * 2 / 3)) "$newest"
cp -r $out flipped
run 0 3 $out run "${small[@]}"
check "truncated checkpoint: said" said $out.txt "checkpoint not used: $newest: truncated HDF5 file"
check "truncated checkpoint: the one before" said $out.txt "train: goes on from step $((step - 1))"
expect_same $out "truncated checkpoint"

out=flipped
rm $out/train/ckpt/step_"$step".h5
newest=$out/train/ckpt/step_$((step - 1)).h5
flip "$newest" $(($(stat -c %s "$newest") / 2))
run 0 1 $out run "${small[@]}"
check "flipped bit in the only checkpoint: said" said $out.txt "train: checkpoint not used: $newest: damaged"
expect_same $out "flipped bit in the only checkpoint"

flip $out/train/flow.h5 $(($(stat -c %s $out/train/flow.h5) / 2))
"$program" digest $out/train/flow.h5 >verdict.txt 2>&1
code=$?
check "digest finds the damage: exit code $code" [ $code -eq 4 ]
check "digest names the file" said verdict.txt "$out/train/flow.h5: damaged"
run 4 2 $out predict
check "a damaged parent is named" said $out.txt "predict: $out/train/flow.h5: damaged"
note_finished $out
sed -i '/^train/d' $out.finished
run 0 2 $out run "${small[@]}"
reason='contents do not match wf_digest|unreadable content' # the middle of the file is numbers or HDF5's own
check "damaged product: said" grep -qE "train: $out/train/flow.h5: damaged \(($reason)\): made anew" $out.txt
grep -v -e ^report $out.finished >others && mv others $out.finished
expect_kept $out "damaged product"
expect_same $out "damaged product"

report_checks

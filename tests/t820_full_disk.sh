#!/usr/bin/env bash
# A run on a disk of 2 MB: it says what it could not write and ends with an error; what was complete stays so; once there is
# space, the same command completes with the digests of an undisturbed run.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root can mount a small disk"; exit 77; }
mkdir disk
mount -t tmpfs -o size=2m none disk 2>/dev/null || { echo "skipped: no small disk can be mounted here"; exit 77; }
trap 'umount -l "$scratch/disk"; clean_up' EXIT

run 0 2 reference run "${small[@]}"
digests reference >reference.digests
head -c 900000 /dev/zero >disk/ballast # so that a checkpoint of the weights finds no room, and the product of train neither
out=disk/run
launch 2 $out run "${small[@]}"
finish
mv $out.txt first.txt
check "an error of the machine: exit code $code" [ "$code" -ge 55 ]
check "what could not be written" grep -qE "cannot write $out/train/[a-z_0-9/.]*: No space left on device" first.txt
check "a checkpoint may fail" \
  grep -qE "train: no checkpoint of step [0-9]+, going on without: cannot write .*: No space left" first.txt
check "simulate and pretrain are complete" "$program" digest $out/simulate/ensemble.h5 $out/pretrain/anchors.h5 >verdict.txt
check "no flow.h5" [ ! -e $out/train/flow.h5 ]
note_finished $out
mv $out.finished kept
mount -o remount,size=64m disk
mv kept $out.finished
run 0 3 $out run "${small[@]}"
expect_kept $out "full disk"
expect_same $out "full disk"
report_checks

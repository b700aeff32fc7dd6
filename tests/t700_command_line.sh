#!/bin/sh
# The program as a user meets it: exit codes, messages, nothing written where something is wrong, the same on two ranks; the example
# inputs are free of mistakes and complete.
program=${abs_top_builddir:?}/weightflow
inputs=${abs_top_srcdir:?}/inputs
export OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader # quick starts: no daemon, no look for networks
mpiexec=${WF_MPIEXEC:-mpiexec}
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect CODE TEXT COMMAND...: the exit code, a line of output that holds TEXT, no traceback, nothing written.
expect() {
  code=$1 text=$2
  shift 2
  before=$(ls -A)
  "$@" >out.txt 2>&1 </dev/null
  got=$?
  [ $got -eq "$code" ] || { fail "exit code $got, not $code: $*"; cat out.txt; }
  grep -qF -e "$text" out.txt || { fail "no line with '$text': $*"; cat out.txt; }
  ! grep -qE 'PETSC ERROR|MPI_ABORT|Segmentation' out.txt || { fail "a traceback: $*"; cat out.txt; }
  rm -f out.txt
  after=$(ls -A)
  [ "$before" = "$after" ] || { fail "files were written: $after: $*"; }
}

cat >bad.yaml <<'X'
train:
  iterations: many
  equation: sde
simulate:
  trajectories: -4
X

# printing commands
expect 2 'usage: weightflow COMMAND' "$program"
for word in help -help --help -h; do expect 0 'usage: weightflow COMMAND' "$program" $word; done
for word in -help --help -h; do expect 0 '-train_iterations' "$program" train $word; done
expect 0 '-train_iterations' "$program" help train
expect 0 'default 20 (0 .. 100000000)' "$program" help run
expect 0 'precision  ' "$program" version
expect 0 'PETSc      3.' "$program" --version
expect 0 '.TH WEIGHTFLOW 1' "$program" help man
expect 2 'command line: trian: unknown command, did you mean train?' "$program" trian
expect 2 'command line: trian: unknown command, did you mean train?' "$program" help trian

# mistakes: each is told, and the number of ranks makes no difference
expect 2 'bad.yaml:2: train.iterations = many: must be a whole number' "$program" run bad.yaml
expect 2 'weightflow: 3 mistakes, nothing was done' "$program" run bad.yaml
expect 2 'missing.yaml: cannot be read: No such file or directory' "$program" run missing.yaml
expect 2 'command line: -train_itertions: unknown option, did you mean -train_iterations?' "$program" run -train_itertions 5
expect 2 'command line: -tpa_type: unknown option' "$program" run -tpa_type lmvm
expect 2 'command line: -seed: needs a value' "$program" run -seed
expect 2 'one file of parameters is enough' "$program" run bad.yaml bad.yaml
expect 2 'not an option, nor a file of parameters' "$program" run data.npy
expect 2 'command line: import: name the file to import' "$program" import
expect 2 'parameters: data.file = x.csv: must be a .npy or .h5 file' "$program" import x.csv
expect 2 'parameters: simulate.t_end = 0: must be above 0' "$program" check -simulate_t_end 0
expect 2 'x.npy: no such file' "$program" check -data_file x.npy
expect 2 'bad.yaml is not a folder' "$program" check -out bad.yaml/x
expect 2 'bad.yaml is not a folder' "$program" run -dry_run -out bad.yaml
expect 0 'all is well: nothing was written' "$program" check
expect 0 'all is well: nothing was written' "$program" run -dry_run -out a/b/c -tao_type lmvm -log_view_x -wf_tao_type blmvm
expect 0 'iterations: 7 ' "$program" params "$inputs/epidemic.yaml" -train_iterations 7

for n in 1 2; do
  # the words of mpiexec itself about the exit code are not ours
  "$mpiexec" -n $n "$program" run bad.yaml -train_z_dim 0 2>&1 >printed.txt </dev/null |
    grep -E '^(bad|command|weightflow)' >"mistakes.$n"
  [ ! -s printed.txt ] || fail "something on standard output"
done
rm -f printed.txt
cmp -s mistakes.1 mistakes.2 || { fail "two ranks tell other mistakes"; cat mistakes.2; }
[ "$(wc -l <mistakes.2)" -eq 5 ] || { fail "not four mistakes and a summary"; cat mistakes.2; }
rm -f mistakes.1 mistakes.2
expect 2 'train.iterations = many' "$mpiexec" -n 2 "$program" run bad.yaml
expect 2 'unknown command' "$mpiexec" -n 2 "$program" trian
for words in help version 'help train' 'train -h' 'help man'; do
  # shellcheck disable=SC2086
  "$mpiexec" -n 2 "$program" $words </dev/null >two.txt 2>&1
  # shellcheck disable=SC2086
  "$program" $words | cmp -s - two.txt || fail "two ranks print something else: $words"
done
rm -f two.txt

# an option file that happens to lie there is not read
echo '-help' >.petscrc
"$program" check >out.txt 2>&1
! grep -q 'Options for' out.txt || fail ".petscrc was read"
rm -f out.txt .petscrc

# what `params` prints means the same when read back
"$program" params "$inputs/epidemic.yaml" -predict_tails 20,30 -run_out 'a "b": c' >one.yaml || fail "params"
"$program" params one.yaml >two.yaml || fail "params of its own output"
cmp -s one.yaml two.yaml || fail "params does not read back what it prints"
rm -f one.yaml two.yaml

# a shape that does not fit, and a file that is cut off; the header is NumPy's format 1.0
npy() {
  printf '\223NUMPY\001\000v\000'
  printf '%-117s\n' "{'descr': '<i4', 'fortran_order': False, 'shape': $1, }"
}
{ npy '(2, 101, 3)'; head -c 2424 /dev/zero; } >good.npy
expect 0 'good.npy: 2 trajectories, 101 times, 3 species' "$program" check -data_file good.npy
head -c 2000 good.npy >cut.npy
expect 2 'cut.npy: truncated: 1872 bytes of numbers, the header promises 2424' "$program" check -data_file cut.npy
{ npy '(2, 11, 3)'; head -c 264 /dev/zero; } >short.npy
expect 2 'short.npy: data.observed = 0:100:10: index 100 does not exist' "$program" check -data_file short.npy
{ npy '(2, 101)'; head -c 808 /dev/zero; } >flat.npy
expect 2 'flat.npy: has 2 axes' "$program" check -data_file flat.npy
echo 'not numpy at all' >text.npy
expect 2 'text.npy: is neither .npy nor HDF5' "$program" check -data_file text.npy
rm -f ./*.npy

# an older run in the folder
mkdir old
"$program" params -seed 5 >old/used_parameters.yaml
expect 2 'old: run.seed = 1: the run there has 5: take another folder with -out' "$program" check -out old
expect 0 'all is well' "$program" check -out old -seed 5 -stop_minutes 3
rm -rf old

# the example inputs: no mistakes, every parameter named, and each runs in a folder of its own name
for file in "$inputs"/*.yaml; do
  name=$(basename "$file" .yaml)
  expect 0 'all is well' "$program" check "$file"
  "$program" params "$file" | grep -q "out: outputs/$name " || fail "$name: run.out is not outputs/$name"
  "$program" params "$file" | sed 's/:.*//' >wanted.txt
  sed -n '/^\( \{2\}\)\{0,1\}[a-z]/s/:.*//p' "$file" >named.txt
  grep -v '^$' wanted.txt | diff - named.txt >diff.txt || { fail "$name: not every parameter, in order"; cat diff.txt; }
  rm -f wanted.txt named.txt diff.txt
done

[ $failures -eq 0 ] || { echo "$failures failures"; exit 1; }
echo "command line checked"

#!/usr/bin/env bash
# Documentation against the program: what `weightflow help` and `weightflow params` print, and what is in the tree, is in the
# documents.
set -uo pipefail
root=${abs_top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
program=${abs_top_builddir:-$root/build}/weightflow
cd "$root" || exit 99
failures=0
checks=0

# expect WHAT WORD FILE...: WORD occurs in one of the files (manual pages write - as \-).
expect() {
  local what=$1 word=$2
  shift 2
  checks=$((checks + 1))
  if ! grep -q -F -w -e "$word" <<<"$(sed 's/\\f[A-Z]//g; s/\\//g' "$@" 2>&1)"; then
    echo "$what '$word' is not in $*"
    failures=$((failures + 1))
  fi
}

# --- the tree ---
for module in src/*/; do expect module "$(basename "$module")" doc/architecture.md; done
for folder in include src jobs inputs outputs tests doc; do expect folder "$folder/" README.md; done
for script in jobs/*.sh jobs/*.sbatch tests/run.sh; do expect script "$script" README.md doc/*.md tests/README.md; done
while read -r document link; do
  checks=$((checks + 1))
  if [ ! -e "$(dirname "$document")/$link" ]; then
    echo "$document: link to $link, which is not there"
    failures=$((failures + 1))
  fi
done < <(grep -o -E '\]\([^)#:]+\)' README.md doc/*.md tests/README.md | sed 's/^\([^:]*\):](\(.*\))/\1 \2/')

# --- names of datasets that stages write ---
datasets=$(grep -h -o -E '\.name *= *"/[a-z_/]+"' -r src/stages src/data src/flow src/ssa src/report --include='*.c' |
  grep -o -E '/[a-z_/]+' | sort -u)
for dataset in $datasets; do expect dataset "$dataset" doc/formats.md; done

# --- commands ---
ls src/stages/*.c >/dev/null 2>&1 && staged=yes || staged=no
if [ "$staged" = no ]; then
  echo "$checks checks, $failures failures; the program has no stages yet: commands and parameters not compared"
  [ $failures -eq 0 ] && exit 77
  exit 1
fi
commands=$("$program" help 2>/dev/null | grep -o -E '^  +[a-z]+( |$)' | tr -d ' ' | sort -u)
for must in simulate pretrain train predict evaluate report run params; do
  checks=$((checks + 1))
  if ! grep -q -x "$must" <<<"$commands"; then
    echo "'weightflow help' does not list the command '$must'"
    failures=$((failures + 1))
  fi
done
for command in $commands; do
  expect command "$command" README.md
  expect command "$command" doc/weightflow.1
done

# --- parameters: group and name of each line of the YAML that `weightflow params` prints ---
parameters=$("$program" params 2>/dev/null | awk '
  /^[a-z]+:/ { group = $1; sub(/:.*/, "", group) }
  /^  +[a-z_0-9]+:/ { name = $1; sub(/:.*/, "", name); print group "_" name }')
n=$(printf '%s\n' "$parameters" | grep -c .)
checks=$((checks + 1))
if [ "$n" -lt 30 ]; then
  echo "'weightflow params' lists $n parameters only"
  failures=$((failures + 1))
fi
for parameter in $parameters; do
  case $parameter in
    run_*) expect parameter "-${parameter#run_}" doc/weightflow.1 ;;
    *) expect parameter "-$parameter" doc/weightflow.1 ;;
  esac
done
for code in 0 2 3 4; do expect "exit code" "$code" doc/weightflow.1; done

echo "$checks checks, $failures failures"
[ $failures -eq 0 ]

#!/usr/bin/env bash
# A model in SBML through the stage simulate: the same counts as the built-in system of the same laws; values that are no whole
# numbers, on any number of ranks; what is put out and in which order; where the file is looked for; and what is refused.
# shellcheck disable=SC2016 # backquotes in messages are no commands
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"
grep -q '^#define HAVE_LIBSBML 1' "${abs_top_builddir:?}/config.h" || { echo "built without libsbml"; exit 77; }
command -v h5dump >/dev/null || { echo "no h5dump"; exit 77; }

numbers() { h5dump -y -w 0 -m '%.17g' -d "$2" "${@:3}" "$1/simulate/ensemble.h5" | sed -n '/DATA {/,/}/p'; }
alike() { [ -n "$(numbers "$1" "$3")" ] && [ "$(numbers "$1" "$3")" = "$(numbers "$2" "$3")" ]; } # FOLDER FOLDER DATASET
digest() { "$program" digest "$1/simulate/ensemble.h5" 2>/dev/null | cut -d ' ' -f 1; }
columns() { h5dump -y -w 0 -d "/names/$2" "$1/simulate/ensemble.h5" | sed -n '/DATA {/,/}/p' | grep -o '"[^"]*"' | tr -d '"' |
  sed 's/\\000//g' | paste -s -d ,; }

# --- the built-in systems: laws are written in the same order, so counts are the same to the last one ---
for system in epidemic toggle_switch signalling_cascade_1 signalling_cascade_2; do
  [ "$system" = epidemic ] && rate=frozen || rate=exact
  few=(-simulate_trajectories 40 -simulate_rate "$rate")
  run 0 1 "built_in_$system" simulate -simulate_system "$system" "${few[@]}"
  run 0 1 "model_$system" simulate -simulate_model "$inputs/models/$system.xml" "${few[@]}"
  check "$system, $rate: the same counts" alike "built_in_$system" "model_$system" /counts
done

# --- a rate rule, and a law that varies by it: V = 1.5 exp(t / 2), and X decays at the rate V ---
cat >growth.xml <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
  <model id="growth">
    <listOfCompartments><compartment id="c" spatialDimensions="3" size="1" constant="true"/></listOfCompartments>
    <listOfSpecies>
      <species id="X" compartment="c" initialAmount="100" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/>
      <species id="V" compartment="c" initialAmount="1.5" hasOnlySubstanceUnits="true" boundaryCondition="true" constant="false"/>
    </listOfSpecies>
    <listOfRules>
      <rateRule variable="V"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><cn>0.5</cn><ci>V</ci></apply></math>
      </rateRule>
    </listOfRules>
    <listOfReactions>
      <reaction id="decay" reversible="false" fast="false">
        <listOfReactants><speciesReference species="X" stoichiometry="1" constant="true"/></listOfReactants>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>V</ci><ci>X</ci></apply></math></kineticLaw>
      </reaction>
    </listOfReactions>
  </model>
</sbml>
END
times=(-simulate_t_end 1 -simulate_samples 3 -data_observed "0,2" -data_evaluated 1 -simulate_trajectories 400)
for ranks in 1 2 3; do
  run 0 "$ranks" "growth_$ranks" simulate -simulate_model growth.xml "${times[@]}"
  check "values on $ranks ranks" [ "$(digest growth_1)" = "$(digest "growth_$ranks")" ]
done
check "its columns" [ "$(columns growth_1 species) $(columns growth_1 values)" = "X V" ]
check "its laws are told to be exact" said growth_1.txt "2 species, 1 reactions, exact time-dependent rates, "
means=$(numbers growth_1 /statistics/values/mean | grep -v '[{}]' | tr -d ' \n')
# X at time 1 is binomial with p = exp(-3 (exp(1/2) - 1)) = 0.1428; a mean of 400 is 5 sigma = 0.87 off once in 10^6 seeds
last=$(numbers growth_1 /statistics/mean | grep -v '[{}]' | tr -d ' \n' | cut -d , -f 3)
check "values by the rule: $means" awk -v "v=$means" 'BEGIN { split(v, x, ","); for (i = 0; i < 3; i++) {
  d = x[i + 1] - 1.5 * exp(i / 4); if (d * d > 1e-12) exit 1 } }'
check "counts by the law: $last" awk -v "x=$last" 'BEGIN { d = x - 100 * exp(-3 * (exp(0.5) - 1)); exit d * d > 0.87 * 0.87 }'

# --- what is put out, in which order ---
run 0 1 whole simulate -simulate_trajectories 50
run 0 2 part simulate -simulate_trajectories 50 -simulate_record R,S -simulate_output events
check "columns as asked for" [ "$(columns part species)" = R,S ]
check "what the jumps are" [ "$(columns part jumps)" = "S + I -> 2 I,I -> R,R -> S,S -> 0,I -> 0,R -> 0" ]
check "the same trajectories" [ "$(numbers whole /counts -s 0,0,2 -c 50,101,1)" = "$(numbers part /counts -s 0,0,0 -c 50,101,1)" ]
run 0 1 sir simulate -simulate_model "$inputs/models/sir.xml" -simulate_trajectories 50 -simulate_record R -simulate_output events
check "jumps of a model" [ "$(columns sir jumps) $(columns sir species)" = "infection,recover R" ]

# --- where the file is looked for: here, beside the parameters, above them; a run knows it from anywhere ---
mkdir -p project/inputs/models elsewhere
cp "$inputs/epidemic_smoke.yaml" project/inputs/my.yaml
cp "$inputs/models/sir.xml" project/inputs/models/sir.xml
run 0 1 beside simulate project/inputs/my.yaml -simulate_model models/sir.xml
run 0 1 above simulate project/inputs/my.yaml -simulate_model inputs/models/sir.xml
check "found beside and above" [ "$(digest beside)" = "$(digest above)" ] && [ -n "$(digest above)" ]
(cd elsewhere && "$program" simulate ../beside/used_parameters.yaml -out ../beside -run_force true) >again.txt 2>&1
check "found again from elsewhere" [ $? -eq 0 ]
check "and the same" [ "$(digest beside)" = "$(digest above)" ]

# --- mistakes: a line each, and nothing is written ---
refuse() { # WORDS OPTION...
  run 2 2 wrong simulate "${@:2}"
  check "$1" said wrong.txt "$1"
  check "nothing was written: $1" [ ! -e wrong ]
  rm -f wrong.txt
}
echo "hello" >hello.xml
sed 's/fast="false"/fast="true"/' growth.xml >fast.xml
refuse "simulate.model = none.xml: cannot be read: No such file" -simulate_model none.xml
refuse "cannot be read: Is a directory" -simulate_model project
refuse "hello.xml: the file is no XML" -simulate_model hello.xml
refuse "fast.xml: line 14: reaction decay: it is declared fast" -simulate_model fast.xml
refuse 'record: "Y" is no variable of the model' -simulate_model growth.xml -simulate_record X,Y
refuse 'simulate.record = S,Y: "Y" is no variable of the output (of S, I, R)' -simulate_record S,Y
refuse 'simulate.record = S,S: "S" stands twice' -simulate_record S,S
refuse "a jump process is put out whole" -simulate_system ecological_evolution -simulate_record locus_1
refuse "simulate.rate = frozen: rates cannot be frozen where a rate rule moves" -simulate_model growth.xml -simulate_rate frozen
refuse "tau_leaping knows no times of single events" -simulate_model "$inputs/models/sir.xml" -simulate_algorithm tau_leaping \
  -simulate_output events
refuse "V is no whole number" -simulate_model growth.xml -simulate_output events

# --- a law that becomes negative while it runs ---
sed 's|<ci>V</ci><ci>X</ci></apply></math></kin|<ci>X</ci><apply><minus/><ci>X</ci><cn>5.5</cn></apply></apply></math></kin|' \
  growth.xml >negative.xml
run 2 2 negative simulate -simulate_model negative.xml "${times[@]}"
check "a negative law" said negative.txt "trajectory 0 at time "
check "which" said negative.txt "decay"
check "no ensemble" [ ! -e negative/simulate/ensemble.h5 ] && [ ! -e negative/simulate/ensemble.h5.part ]

report_checks

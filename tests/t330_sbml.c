/* Reading SBML: what each feature means, by values, laws, rules and events of the networks that come out, against numbers worked
   out by hand; the models of inputs/ against the built-in systems. No simulation. */
#include "config.h"
#include <weightflow/base.h>
#include <weightflow/random.h>
#include <weightflow/sbml.h>
#include "check.h"
#ifndef HAVE_LIBSBML
static void keep_line(void *context, const char *line) { snprintf(context, 400, "%s", line); }
int         main(void)
{
  char told[400] = "";
  WF_CHECK(!wf_sbml_read("model.xml", "", keep_line, told) && strstr(told, "libsbml5-dev"), "%s", told);
  if (WF_TEST_END()) return 1;
  WF_TEST_SKIP("built without libsbml");
}
#else
#include "sbml_check.h"

/* --- formulas --- */

/* Each formula as an initial assignment, and as an assignment rule that depends on a variable. */
static void check_formula(const char *formula, double expected)
{
  char        model[4096], running[600];
  wf_network *network = NULL;
  snprintf(model, sizeof model,
           L3V2 LIST("Parameters", PARAMETER("a", "0.75") PARAMETER("b", "2.5") "<parameter id='r' constant='true'/>" CLOCK)
               LIST("InitialAssignments", "<initialAssignment symbol='r'>{%s}</initialAssignment>\n") TICK TAIL,
           formula);
  network = read_recording(model, "r");
  WF_CHECK(initial(network, "r") == expected || fabs(initial(network, "r") - expected) <= 1e-14 * fabs(expected),
           "%s = %.17g, not %.17g", formula, initial(network, "r"), expected);
  wf_network_destroy(&network);
  snprintf(running, sizeof running, "%s", formula);
  snprintf(model, sizeof model,
           L3V2 LIST("Parameters", VARIABLE("a", "0.5") VARIABLE("b", "2") VARIABLE("r", "0"))
               LIST("Rules", "<assignmentRule variable='r'>{%s}</assignmentRule>\n" RATE("a", "1") RATE("b", "0")) TAIL,
           running);
  network       = read_recording(model, "r,a,b");
  double *value = make_state(network);
  set(network, value, "a", 0.75);
  set(network, value, "b", 2.5);
  double r = value[find_slot(network, "r")];
  WF_CHECK(r == expected || fabs(r - expected) <= 1e-14 * fabs(expected), "%s = %.17g, not %.17g, in a rule", formula, r, expected);
  wf_free(value);
  wf_network_destroy(&network);
}

static void check_formulas(void)
{
  const double a = 0.75, b = 2.5;
  const struct {
    const char *formula;
    double      expected;
  } cases[] = {{"a + b * 2 - 3 / a", a + b * 2 - 3 / a},
               {"-a", -a},
               {"plus()", 0},
               {"times()", 1},
               {"plus(a, b, a, b, 1)", 2 * a + 2 * b + 1},
               {"times(a, b, 2, b, a, 3)", a * b * 2 * b * a * 3},
               {"a^b", pow(a, b)},
               {"pow(b, 3)", b * b * b},
               {"sqrt(b)", sqrt(b)},
               {"root(3, b)", pow(b, 1 / 3.)},
               {"exp(a)", exp(a)},
               {"ln(b)", log(b)},
               {"log10(b)", log10(b)},
               {"log(2, b)", log(b) / log(2)},
               {"abs(-b)", b},
               {"floor(b)", 2},
               {"ceil(b)", 3},
               {"factorial(5)", 120},
               {"sin(a)", sin(a)},
               {"cos(a)", cos(a)},
               {"tan(a)", tan(a)},
               {"sec(a)", 1 / cos(a)},
               {"csc(a)", 1 / sin(a)},
               {"cot(a)", 1 / tan(a)},
               {"sinh(a)", sinh(a)},
               {"cosh(a)", cosh(a)},
               {"tanh(a)", tanh(a)},
               {"sech(a)", 1 / cosh(a)},
               {"csch(a)", 1 / sinh(a)},
               {"coth(a)", 1 / tanh(a)},
               {"arcsin(a)", asin(a)},
               {"arccos(a)", acos(a)},
               {"arctan(a)", atan(a)},
               {"arcsec(b)", acos(1 / b)},
               {"arccsc(b)", asin(1 / b)},
               {"arccot(b)", atan(1 / b)},
               {"arcsinh(a)", asinh(a)},
               {"arccosh(b)", acosh(b)},
               {"arctanh(a)", atanh(a)},
               {"arcsech(a)", acosh(1 / a)},
               {"arccsch(a)", asinh(1 / a)},
               {"arccoth(b)", atanh(1 / b)},
               {"a < b", 1},
               {"a <= 0.75", 1},
               {"a > b", 0},
               {"a >= b", 0},
               {"b == 2.5", 1},
               {"b != 2.5", 0},
               {"lt(a, 1, b)", 1},
               {"lt(a, b, 1)", 0},
               {"a < b && b < a", 0},
               {"a < b || b < a", 1},
               {"xor(a < b, b > a)", 0},
               {"!(a < b)", 0},
               {"implies(a < b, b < a)", 0},
               {"implies(a > b, b < a)", 1},
               {"piecewise(1, a > b, 2, b > 2, 3)", 2},
               {"piecewise(1, a > b, 3)", 3},
               {"min(b, a, 1)", 0.75},
               {"max(b, a, 1)", 2.5},
               {"quotient(17, 5)", 3},
               {"rem(17, 5)", 2},
               {"pi + exponentiale", 3.14159265358979323846 + 2.7182818284590452354},
               {"true + true * false", 1},
               {"avogadro", 6.02214179e23},
               {"time + 1", 1},
               {"1e300 * 10", 1e301}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_formula(cases[i].formula, cases[i].expected);
}

static void check_functions(void)
{
  wf_network *network = read_recording(
      L3V1 LIST("FunctionDefinitions", FUNCTION("twice", "lambda(x, 2 * x)") FUNCTION("f", "lambda(x, k, twice(x) + twice(k))")
                                           FUNCTION("seven", "lambda(7)")) CELL("1") LIST("Species", AMOUNT("X", "10"))
          LIST("Parameters", PARAMETER("k", "3") VARIABLE("r", "0") PARAMETER("x", "1000"))
              LIST("Rules", ASSIGN("r", "f(X, seven())"))
                  LIST("Reactions", REACTION("R", "", FROM(REF("X", "1")), "", "twice(twice(X)) * k")) TAIL,
      "r, X");
  double *value = make_state(network);
  WF_CHECK(initial(network, "r") == 34 && law(network, "R", value) == 120);
  set(network, value, "X", 4);
  WF_CHECK(value[find_slot(network, "r")] == 22 && law(network, "R", value) == 48);
  WF_CHECK(wf_network_n_recorded(network) == 2 && wf_network_is_plain(network));
  wf_free(value);
  wf_network_destroy(&network);
}

/* --- quantities --- */

/* Amounts and concentrations, in a compartment of size 2 and in one without a size. */
static void check_concentrations(void)
{
  wf_network *network = read_model(
      L3V1 LIST("Compartments",
                "<compartment id='c' spatialDimensions='3' size='2' constant='true'/><compartment id='d' constant='true'/>"
                "<compartment id='membrane' spatialDimensions='0' constant='true'/>")
          LIST("Species", AMOUNT("A", "6") CONCENTRATION("C", "3") SPECIES("E", "initialAmount='8'", "false") SPECIES(
                              "F", "initialConcentration='3'",
                              "true") "<species id='D' compartment='d' initialConcentration='5' hasOnlySubstanceUnits='false' "
                                      "boundaryCondition='false' constant='false'/>"
                                      "<species id='G' compartment='membrane' initialAmount='9' hasOnlySubstanceUnits='false' "
                                      "boundaryCondition='false' constant='false'/>")
              LIST("Reactions", REACTION("R1", "", FROM(REF("A", "1") REF("C", "1")), TO(REF("E", "1")), "A * C * c") REACTION(
                                    "R2", "", FROM(REF("E", "2") REF("F", "1")), TO(REF("D", "1") REF("G", "1")), "E + F + D + G"))
                  TAIL);
  double *value = make_state(network);
  WF_CHECK(initial(network, "A") == 6 && initial(network, "C") == 6 && initial(network, "E") == 8 && initial(network, "F") == 6);
  WF_CHECK(initial(network, "D") == 5 && initial(network, "G") == 9);
  WF_CHECK(law(network, "R1", value) == 6 * 3 * 2.0 && law(network, "R2", value) == 4 + 6 + 5 + 9.0);
  WF_CHECK(change(network, "R1", "C", value) == -1 && change(network, "R2", "E", value) == -2 &&
           change(network, "R2", "G", value) == 1);
  set(network, value, "C", 7);
  WF_CHECK(law(network, "R1", value) == 6 * 3.5 * 2);
  wf_free(value);
  wf_network_destroy(&network);
}

/* Initial assignments in the wrong order, on one another, on rules, on a compartment, on a reaction's rate. */
static void check_initial_assignments(void)
{
  wf_network *network = read_recording(
      L3V1 LIST("Compartments", "<compartment id='c' constant='true'/>") LIST("Species",
                                                                              CONCENTRATION("X", "3") SPECIES("Y", "", "false"))
          LIST("Parameters", "<parameter id='p' constant='true'/><parameter id='q' constant='true'/>" VARIABLE("r", "17")
                                 PARAMETER("k", "2") VARIABLE("s", "1"))
              LIST("InitialAssignments", INITIAL("Y", "q + r") INITIAL("q", "p * 10") INITIAL("p", "r + 1") INITIAL("c", "k * 2")
                                             INITIAL("s", "R")) LIST("Rules", ASSIGN("r", "X * k") RATE("s", "1"))
                  LIST("Reactions", REACTION("R", "", FROM(REF("X", "1")), TO(REF("Y", "1")), "k * X")) TAIL,
      "X,Y,r,s,c");
  WF_CHECK(initial(network, "c") == 4 && initial(network, "X") == 12 && initial(network, "r") == 6);
  WF_CHECK(initial(network, "Y") == (70 + 6) * 4 && initial(network, "s") == 6);
  wf_network_destroy(&network);
}

/* A law's own parameters hide the model's; Levels 2 and 3. */
static void check_local_parameters(void)
{
  wf_network *network = read_model(
      L3V1 CELL("1") LIST("Species", AMOUNT("X", "10")) LIST("Parameters", PARAMETER("k", "100") PARAMETER("h", "2"))
          LIST("Reactions", REACTION("R", LIST("LocalParameters", "<localParameter id='k' value='3'/>"), FROM(REF("X", "1")), "",
                                     "k * h * X") REACTION("Q", "", FROM(REF("X", "1")), "", "k * X")) TAIL);
  WF_CHECK(law(network, "R", network->start) == 60 && law(network, "Q", network->start) == 1000);
  wf_network_destroy(&network);
  network = read_model(
      L2V4 LIST("Compartments", "<compartment id='c'/>") LIST("Species", "<species id='X' compartment='c' initialAmount='10'/>")
          LIST("Parameters", "<parameter id='k' value='100'/>")
              LIST("Reactions", "<reaction id='R'>" LIST("Reactants", "<speciesReference species='X'/>") "<kineticLaw>{k * X}" LIST(
                                    "Parameters", "<parameter id='k' value='3'/>") "</kineticLaw></reaction>") TAIL);
  WF_CHECK(law(network, "R", network->start) == 30 && change(network, "R", "X", network->start) == -1);
  wf_network_destroy(&network);
}

/* --- reactions --- */

static void check_stoichiometry(void)
{
  wf_network *network = read_model(
      L3V1 CELL("1") LIST("Species", AMOUNT("X", "10") AMOUNT("Y", "20")
                                         AMOUNT("Z", "5") "<species id='B' compartment='c' initialAmount='7' "
                                                          "hasOnlySubstanceUnits='true' boundaryCondition='true' constant='false'/>"
                                                          "<species id='K' compartment='c' initialAmount='4' "
                                                          "hasOnlySubstanceUnits='true' boundaryCondition='true' constant='true'/>")
          LIST("Parameters", VARIABLE("n", "2")) LIST("InitialAssignments", INITIAL("two", "1 + 1"))
              LIST("Rules", ASSIGN("n", "X / 5") ASSIGN("several", "n + 1"))
                  LIST("Reactions", REACTION("R", "", FROM(REF("X", "1") REF("Y", "1") REF("B", "1")),
                                             TO(REF("X", "2") REF("Y", "1") REF("K", "1")), "X * Y * B * K * Z")
                                        REACTION("S", "", FROM("<speciesReference id='two' species='Y' constant='true'/>"),
                                                 TO("<speciesReference id='several' species='X' constant='false'/>"), "two * Y")
                                            REACTION("T", "", FROM(REF("Y", "1")), TO(REF("Y", "1")), "Y")) TAIL);
  double *value = make_state(network);
  WF_CHECK(network->n_reactions == 2, "%d", network->n_reactions); /* T changes nothing */
  WF_CHECK(change(network, "R", "X", value) == 1 && change(network, "R", "Y", value) == 0 && change(network, "R", "B", value) == 0);
  WF_CHECK(law(network, "R", value) == 10 * 20 * 7 * 4 * 5 && law(network, "S", value) == 40);
  WF_CHECK(change(network, "S", "Y", value) == -2 && change(network, "S", "X", value) == 3);
  set(network, value, "X", 25);
  WF_CHECK(change(network, "S", "X", value) == 6);
  wf_free(value);
  wf_network_destroy(&network);
}

static void check_conversion_factors(void)
{
  wf_network *network = read_model(
      "<?xml version='1.0' encoding='UTF-8'?><sbml xmlns='http://www.sbml.org/sbml/level3/version1/core' level='3' version='1'>"
      "<model id='m' conversionFactor='f'>" CELL("1")
          LIST("Species", AMOUNT("X", "10") "<species id='Y' compartment='c' initialAmount='0' hasOnlySubstanceUnits='true' "
                                            "boundaryCondition='false' constant='false' conversionFactor='g'/>")
              LIST("Parameters", PARAMETER("f", "3") "<parameter id='g' constant='true'/>")
                  LIST("InitialAssignments", INITIAL("g", "f + 1"))
                      LIST("Reactions", REACTION("R", "", FROM(REF("X", "1")), TO(REF("Y", "2")), "X")) TAIL);
  WF_CHECK(change(network, "R", "X", network->start) == -3 && change(network, "R", "Y", network->start) == 8);
  wf_network_destroy(&network);
}

/* Level 2: stoichiometryMath, defaults of attributes, every version. */
static void check_level_2(void)
{
  static const char *const spaces[] = {"level2", "level2/version2", "level2/version3", "level2/version4", "level2/version5"};
  for (int v = 1; v <= 5; v++) {
    char model[4096];
    snprintf(
        model, sizeof model,
        "<sbml xmlns='http://www.sbml.org/sbml/%s' level='2' version='%d'><model id='m'>" LIST("Compartments",
                                                                                               "<compartment id='c' size='2'/>")
            LIST("Species",
                 "<species id='X' compartment='c' initialConcentration='10'/><species id='Y' compartment='c' initialAmount='1'/>")
                LIST("Parameters", "<parameter id='k' value='4'/>")
                    LIST("Reactions",
                         "<reaction id='R'>" LIST("Reactants", "<speciesReference species='X' stoichiometry='2'/>")
                             LIST("Products",
                                  "<speciesReference species='Y'><stoichiometryMath>{k + "
                                  "1}</stoichiometryMath></speciesReference>") "<kineticLaw>{k * X}</kineticLaw></reaction>") TAIL,
        spaces[v - 1], v);
    wf_network *network = read_model(model);
    WF_CHECK(initial(network, "X") == 20 && law(network, "R", network->start) == 40, "version %d", v);
    WF_CHECK(change(network, "R", "X", network->start) == -2 && change(network, "R", "Y", network->start) == 5, "version %d", v);
    wf_network_destroy(&network);
  }
}

/* A reversible reaction is read where its law cannot become negative. (Level 2 says reversible where nothing is said.) */
static void check_reversible(void)
{
  wf_network *network = read_model(
      L2V4 LIST("Compartments", "<compartment id='c'/>") LIST("Species", "<species id='X' compartment='c' initialAmount='10'/>")
          LIST("Parameters", "<parameter id='k' value='3'/>")
              LIST("Reactions",
                   "<reaction id='R'>" LIST(
                       "Reactants", "<speciesReference species='X'/>") "<kineticLaw>{k * X / (2 + X)}</kineticLaw></reaction>")
                  TAIL);
  WF_CHECK(fabs(law(network, "R", network->start) - 2.5) < 1e-15);
  wf_network_destroy(&network);
}

/* The id of a reaction means its rate. */
static void check_reaction_ids(void)
{
  wf_network *network = read_recording(
      L3V1 CELL("1") LIST("Species", AMOUNT("X", "10")) LIST("Parameters", VARIABLE("total", "0"))
          LIST("Rules", ASSIGN("total", "R + Q"))
              LIST("Reactions", REACTION("R", LIST("LocalParameters", "<localParameter id='k' value='3'/>"), FROM(REF("X", "1")),
                                         "", "k * X") REACTION("Q", "", "", TO(REF("X", "1")), "R / 2")) TAIL,
      "X,total");
  WF_CHECK(initial(network, "total") == 45 && law(network, "Q", network->start) == 15);
  wf_network_destroy(&network);
}

/* --- rules and events --- */

static double rate(const wf_network *network, const char *name, double *value)
{
  int slot = find_slot(network, name);
  for (int i = 0; i < network->n_rates; i++)
    if (network->rates[i].slot == slot) return wf_program_run(network, network->rates[i].program, value);
  WF_CHECK(false, "%s has no rate", name);
  return NAN;
}

/* A compartment that grows: c = x / V, so dc/dt = f means dx/dt = f V + (x / V) dV/dt. */
static void check_growing_compartment(void)
{
  wf_network *network =
      read_recording(L3V1 LIST("Compartments", "<compartment id='c' size='2' constant='false'/>")
                         LIST("Species", CONCENTRATION("X", "5") CONCENTRATION("Y", "4") SPECIES("Z", "initialAmount='6'", "false"))
                             LIST("Rules", RATE("c", "0.5 * c") RATE("X", "3 * X") ASSIGN("Y", "7 * X"))
                                 LIST("Reactions", REACTION("R", "", FROM(REF("Z", "1")), "", "Z")) TAIL,
                     "X,Y,Z,c");
  double *value = make_state(network);
  WF_CHECK(rate(network, "c", value) == 1 && rate(network, "X", value) == 3 * 5 * 2 + 5 * 1);
  WF_CHECK(initial(network, "Y") == 70 && law(network, "R", value) == 3);
  set(network, value, "c", 4);
  WF_CHECK(value[find_slot(network, "X")] == 10 && rate(network, "X", value) == 3 * 2.5 * 4 + 2.5 * 2);
  WF_CHECK(value[find_slot(network, "Y")] == 7 * 2.5 * 4 && law(network, "R", value) == 1.5);
  WF_CHECK(!wf_network_is_plain(network));
  wf_free(value);
  wf_network_destroy(&network);
}

static void check_events(void)
{
  wf_network *network = read_recording(
      L3V1 LIST("Compartments", "<compartment id='c' size='2' constant='false'/>") LIST("Species", CONCENTRATION("X", "5"))
          LIST("Parameters", VARIABLE("p", "1")) LIST(
              "Events",
              "<event id='E' useValuesFromTriggerTime='false'><trigger initialValue='false' persistent='false'>{time > 3}</trigger>"
              "<delay>{p + 1}</delay><priority>{p * 5}</priority>" LIST(
                  "EventAssignments",
                  SET("X", "X + 1") SET("c", "3")
                      SET("p", "X")) "</event>"
                                     "<event useValuesFromTriggerTime='true'><trigger initialValue='true' persistent='true'>{X < "
                                     "1}</trigger>" LIST("EventAssignments", SET("X", "2")) "</event>") TAIL,
      "X,c,p");
  double                  *value = make_state(network);
  const wf_compiled_event *event = network->events;
  WF_CHECK(network->n_events == 2);
  if (network->n_events != 2) return;
  WF_CHECK(!event[0].initially_true && !event[0].persistent && !event[0].values_from_trigger_time && event[0].n_assignments == 3);
  WF_CHECK(event[1].initially_true && event[1].persistent && event[1].values_from_trigger_time && event[1].delay < 0 &&
           event[1].priority < 0);
  value[network->time_slot] = 4;
  WF_CHECK(wf_program_run(network, event[0].trigger, value) == 1 && wf_program_run(network, event[0].delay, value) == 2);
  WF_CHECK(wf_program_run(network, event[0].priority, value) == 5);
  /* to concentration 6 in the new size 3; the other event in the old one, 2 */
  const wf_compiled_rule *to = &network->event_assignments[event[0].first_assignment];
  WF_CHECK(to[0].slot == find_slot(network, "X") && wf_program_run(network, to[0].program, value) == 18);
  WF_CHECK(wf_program_run(network, to[2].program, value) == 5);
  WF_CHECK(wf_program_run(network, network->event_assignments[event[1].first_assignment].program, value) == 4);
  wf_free(value);
  wf_network_destroy(&network);
}

/* Level 2 knows neither initial values nor persistence; Level 3 Version 2 lets formulas be left out. */
static void check_event_defaults(void)
{
  wf_network *network = read_model(
      L2V4 LIST("Compartments", "<compartment id='c'/>") LIST("Species", "<species id='X' compartment='c' initialAmount='10'/>")
          LIST("Events", "<event><trigger>{X < 5}</trigger>" LIST("EventAssignments", SET("X", "9")) "</event>") TAIL);
  WF_CHECK(network->n_events == 1 && network->events[0].initially_true && network->events[0].persistent &&
           network->events[0].values_from_trigger_time);
  wf_network_destroy(&network);
  network =
      read_model(L3V2 CELL("1") LIST("Species", AMOUNT("X", "3")) LIST("Parameters", VARIABLE("p", "4") CLOCK) LIST(
          "InitialAssignments", "<initialAssignment symbol='clock'/>") LIST("Rules", "<assignmentRule variable='p'/>" TICK_RULE)
                     LIST("Events", "<event useValuesFromTriggerTime='true'><trigger initialValue='true' persistent='true'/>" LIST(
                                        "EventAssignments", SET("X", "9")) "</event>") TAIL);
  WF_CHECK(network->n_events == 0 && network->n_assignments == 0);
  wf_network_destroy(&network);
}

static void check_record(void)
{
  const char *model = L3V1 CELL("3") LIST("Species", AMOUNT("X", "10") AMOUNT("Y", "1")) LIST("Parameters", PARAMETER("k", "100"))
      LIST("Reactions", REACTION("R", "", FROM(REF("X", "1")), "", "k * X")) TAIL;
  wf_network *network = read_recording(model, " Y, k ,c");
  WF_CHECK(wf_network_n_recorded(network) == 3 && wf_network_n_species(network) == 2 && !strcmp(wf_network_name(network), "m"));
  WF_CHECK(initial(network, "k") == 100 && initial(network, "c") == 3);
  wf_network_destroy(&network);
  network = read_model(model);
  WF_CHECK(wf_network_n_recorded(network) == 2 && wf_network_recorded_is_whole(network, 0) && find_slot(network, "k") < 0);
  WF_CHECK(network->reactions[0].program < 0 && network->reactions[0].rate == 100); /* a product: k is a number */
  wf_network_destroy(&network);
}
/* --- the models of inputs/ --- */

static wf_network *read_input(const char *name)
{
  static told_lines told;
  const char       *root = getenv("abs_top_srcdir");
  char              path[4096];
  told = (told_lines){.n_lines = 0};
  snprintf(path, sizeof path, "%s/inputs/models/%s.xml", root ? root : "..", name);
  wf_network *network = wf_sbml_read(path, "", keep_line, &told);
  WF_CHECK(network, "%s", told.text);
  if (network) WF_CHECK(!strcmp(wf_network_name(network), name) && wf_network_is_plain(network));
  return network;
}

/* The j-th law and the changes of the j-th reaction in random states: as the built-in system has them. */
static void compare_reactions(const wf_network *model, const wf_network *system, const char *name, uint32_t i)
{
  double *ours = make_state(model), *theirs = make_state(system), u[2];
  for (int v = 0; v < model->n_variables; v++) {
    bool is_gene = model->variable_name[v][0] == 'G';
    wf_random_uniform2(331, WF_RANDOM_SSA, (uint64_t)v, i, u);
    double x = floor(u[0] * (is_gene ? 2 : 40));
    set(model, ours, model->variable_name[v], x);
    set(system, theirs, model->variable_name[v], x);
  }
  ours[model->time_slot] = theirs[system->time_slot] = 10 * u[1];
  for (int j = 0; j < model->n_reactions; j++) {
    double a = wf_network_propensity(model, j, ours), b = wf_network_propensity(system, j, theirs);
    WF_CHECK(fabs(a - b) <= 1e-13 * fabs(b), "%s, %s: %.17g against %.17g", name, model->reactions[j].name, a, b);
    for (int v = 0; v < model->n_variables; v++)
      WF_CHECK(change(model, model->reactions[j].name, model->variable_name[v], ours) ==
                   change(system, system->reactions[j].name, model->variable_name[v], theirs),
               "%s, %s", name, model->reactions[j].name);
  }
  wf_free(ours);
  wf_free(theirs);
}

static void check_inputs(void)
{
  static const char *const names[] = {"epidemic", "toggle_switch", "signalling_cascade_1"};
  for (int k = 0; k < 3; k++) {
    wf_network *model = read_input(names[k]), *system = wf_network_create_builtin(names[k]);
    if (model && system && model->n_reactions == system->n_reactions)
      for (uint32_t i = 0; i < 20; i++) compare_reactions(model, system, names[k], i);
    WF_CHECK(model && system && model->n_reactions == system->n_reactions, "%s", names[k]);
    wf_network_destroy(&model);
    wf_network_destroy(&system);
  }
  wf_network *network = read_input("signalling_cascade_2");
  double     *value   = make_state(network);
  WF_CHECK(network->n_reactions == 30 && law(network, "X3_to_X4", value) == 0 && law(network, "make_X1", value) == 10);
  set(network, value, "X3", 5);
  WF_CHECK(fabs(law(network, "X3_to_X4", value) - (1 + 500 / 15.)) < 1e-13 && law(network, "decay_X3", value) == 5);
  wf_free(value);
  wf_network_destroy(&network);
  network = read_input("sir");
  WF_CHECK(fabs(law(network, "infection", network->start) - 5.67) < 1e-14 &&
           change(network, "infection", "I", network->start) == 1);
  wf_network_destroy(&network);
  network = read_input("dimerisation");
  WF_CHECK(fabs(law(network, "dimerise", network->start) - 9.9) < 1e-14 && change(network, "dimerise", "P", network->start) == -2);
  wf_network_destroy(&network);
}

int main(int argc, char **argv)
{
  if (argc == 3 && !strcmp(argv[1], "seeds")) seed_prefix = argv[2];
  check_formulas();
  check_functions();
  check_concentrations();
  check_initial_assignments();
  check_local_parameters();
  check_stoichiometry();
  check_conversion_factors();
  check_level_2();
  check_reversible();
  check_reaction_ids();
  check_growing_compartment();
  check_events();
  check_event_defaults();
  check_record();
  check_inputs();
  return WF_TEST_END();
}
#endif

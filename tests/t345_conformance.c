/* What SBML means, against exact means and standard deviations at t = 0, 1, ... 50: immigration and death with sinks, sources,
   compartments, conversion factors, rules, functions and events; immigration in batches; dimerisation (master equation solved
   here) with resets at a time and at a state. Criteria as in conformance.h. Models are written with {formulas} in place of MathML.
 */
#include "config.h"
#ifndef HAVE_LIBSBML
#include "check.h"
int main(void) { WF_TEST_SKIP("built without libsbml"); }
#else
#include "conformance.h"
#include <sbml/SBMLTypes.h>

enum { T = CONFORMANCE_TIMES, TEXT_SIZE = 65536 };

#define HEAD                                                                                                                       \
  "<?xml version='1.0' encoding='UTF-8'?><sbml xmlns='http://www.sbml.org/sbml/level3/version1/core' level='3' version='1'>"
#define AMOUNT "compartment='c' hasOnlySubstanceUnits='true' boundaryCondition='false' constant='false'"
#define CELL "<listOfCompartments><compartment id='c' size='1' constant='true'/></listOfCompartments>"
#define ONE(id) "<speciesReference species='" id "' stoichiometry='1' constant='true'/>"
#define DEATH                                                                                                                      \
  "<reaction id='death' reversible='false' fast='false'><listOfReactants>" ONE("X") "</listOfReactants>" LAW("mu*X") "</reaction>"
#define LAW(formula) "<kineticLaw>{" formula "}</kineticLaw>"
#define BIRTH(formula)                                                                                                             \
  "<reaction id='birth' reversible='false' fast='false'><listOfProducts>" ONE("X") "</listOfProducts>" LAW(formula) "</reaction>"
#define CONSTANT(id, value) "<parameter id='" id "' value='" value "' constant='true'/>"
#define VARIABLE(id, value) "<parameter id='" id "' value='" value "' constant='false'/>"
#define REACTIONS(list) "<listOfReactions>" list "</listOfReactions></model></sbml>"
#define PARAMETERS(list) "<listOfParameters>" list "</listOfParameters>"
#define X_FROM(n) "<listOfSpecies><species id='X' initialAmount='" n "' " AMOUNT "/></listOfSpecies>"
#define RATES PARAMETERS(CONSTANT("alpha", "1") CONSTANT("mu", "0.1"))
#define SET(id, formula) "<eventAssignment variable='" id "'>{" formula "}</eventAssignment>"
#define EVENTS(trigger, more, sets)                                                                                                \
  "<listOfEvents><event id='e' useValuesFromTriggerTime='true'><trigger initialValue='true' persistent='true'>{" trigger           \
  "}</trigger>" more "<listOfEventAssignments>" sets "</listOfEventAssignments></event></listOfEvents></model></sbml>"
#define REACTIONS_ONLY(list) "<listOfReactions>" list "</listOfReactions>"

/* --- from a text with {formulas} to SBML --- */

static void append(char *text, const char *from, size_t n)
{
  size_t length = strlen(text);
  if (length + n >= TEXT_SIZE) exit(99);
  memcpy(text + length, from, n);
  text[length + n] = 0;
}

static void expand_formulas(const char *with_formulas, char *text)
{
  text[0] = 0;
  for (const char *p = with_formulas; *p;) {
    const char *open = strchr(p, '{'), *close = open ? strchr(open, '}') : NULL;
    if (!close) {
      append(text, p, strlen(p));
      return;
    }
    char formula[512];
    append(text, p, (size_t)(open - p));
    snprintf(formula, sizeof formula, "%.*s", (int)(close - open - 1), open + 1);
    ASTNode_t *tree = SBML_parseL3Formula(formula);
    char      *math = tree ? writeMathMLToString(tree) : NULL;
    if (!math) exit(99);
    const char *start = strstr(math, "<math");
    append(text, start, strlen(start));
    free(math);
    ASTNode_free(tree);
    p = close + 1;
  }
}

/* --- exact moments --- */

/* Immigration in batches of b at rate alpha, death at rate mu, from x at time 0: mean and variance after t. */
static void find_immigration_death(double alpha, double b, double mu, double x, double t, double *mean, double *variance)
{
  double e  = exp(-mu * t);
  *mean     = alpha * b / mu * (1 - e) + x * e;
  *variance = x * e * (1 - e) + alpha * b / mu * (1 - e) + alpha * b * (b - 1) / (2 * mu) * (1 - e * e);
}

static void put(conformance_table *table, int v, const char *name, int k, double mean, double variance)
{
  table->n_variables = v + 1 > table->n_variables ? v + 1 : table->n_variables;
  snprintf(table->name[v], sizeof table->name[v], "%s", name);
  table->mean[v][k] = mean;
  table->sd[v][k]   = sqrt(variance);
}

/* X from x by immigration and death; from `reset_at` on (never: T) anew from y. */
static void fill_immigration_death(conformance_table *table, double alpha, double b, double x, int reset_at, double y)
{
  for (int k = 0; k < T; k++) {
    double mean, variance;
    if (k < reset_at)
      find_immigration_death(alpha, b, 0.1, x, k, &mean, &variance);
    else
      find_immigration_death(alpha, b, 0.1, y, k - reset_at, &mean, &variance);
    put(table, 0, "X", k, mean, variance);
  }
}

/* Dimerisation from 100 monomers, 2 P -> P2 at 0.001 P (P - 1) / 2 and back at 0.01 P2, by RK4 on its master equation; the state is
   the number of dimers. reset_at: from then on anew (before the output); reset_above: more dimers than that start anew. */
enum { STATES = 51 };

static void find_dimer_derivative(const double *p, int reset_above, double *d)
{
  memset(d, 0, STATES * sizeof *d);
  for (int n = 0; n < STATES; n++) {
    double monomers = 100 - 2 * n, up = 0.0005 * monomers * (monomers - 1) * p[n], down = 0.01 * n * p[n];
    int    next = n + 1 > reset_above ? 0 : n + 1;
    d[n] -= up + down;
    if (n + 1 < STATES) d[next] += up;
    if (n > 0) d[n - 1] += down;
  }
}

static void fill_dimerisation(conformance_table *table, int reset_at, int reset_above)
{
  enum { STEPS = 200 };
  const double h         = 1.0 / STEPS;
  double       p[STATES] = {1}, d[4][STATES], q[STATES];
  for (int k = 0; k < T; k++) {
    if (k == reset_at) {
      memset(p, 0, sizeof p);
      p[0] = 1;
    }
    double mean = 0, square = 0;
    for (int n = 0; n < STATES; n++) mean += n * p[n], square += (double)n * n * p[n];
    double variance = fmax(0, square - mean * mean);
    if (k == 0 || k == reset_at) variance = 0;
    put(table, 0, "P2", k, mean, variance);
    put(table, 1, "P", k, 100 - 2 * mean, 4 * variance);
    for (int step = 0; step < STEPS; step++) {
      find_dimer_derivative(p, reset_above, d[0]);
      for (int s = 1; s < 4; s++) {
        for (int n = 0; n < STATES; n++) q[n] = p[n] + (s == 3 ? h : h / 2) * d[s - 1][n];
        find_dimer_derivative(q, reset_above, d[s]);
      }
      for (int n = 0; n < STATES; n++) p[n] += h / 6 * (d[0][n] + 2 * d[1][n] + 2 * d[2][n] + d[3][n]);
    }
  }
}

/* --- the cases --- */

static int n_trajectories = 1000;

static void check_case(const char *what, const char *with_formulas, const conformance_table *table)
{
  static char text[TEXT_SIZE];
  expand_formulas(with_formulas, text);
  wf_network *network = wf_sbml_read_text(what, text, strlen(text), "", conformance_report, (void *)(uintptr_t)what);
  WF_CHECK(network, "%s cannot be read", what);
  if (!network) return;
  WF_CHECK(conformance_agrees(what, network, WF_SSA_AUTO, n_trajectories, table), "%s", what);
  wf_network_destroy(&network);
}

/* The immigration-death process under many names. */
static void check_one_process(void)
{
  conformance_table *table = wf_calloc(1, sizeof *table);
  fill_immigration_death(table, 1, 1, 0, T, 0);
  check_case("amounts", HEAD "<model>" CELL X_FROM("0") RATES REACTIONS(BIRTH("alpha") DEATH), table);
  check_case(
      "concentrations",
      HEAD "<model><listOfCompartments><compartment id='c' size='4' constant='true'/></listOfCompartments><listOfSpecies><species "
           "id='X' initialConcentration='0' compartment='c' hasOnlySubstanceUnits='false' boundaryCondition='false' "
           "constant='false'/></listOfSpecies>" RATES REACTIONS(
               BIRTH("alpha*c/4") "<reaction id='death' reversible='false' "
                                  "fast='false'><listOfReactants>" ONE("X") "</listOfReactants>" LAW("c*mu*X") "</reaction>"),
      table);
  check_case(
      "functions",
      HEAD
      "<model><listOfFunctionDefinitions><functionDefinition id='f'>{lambda(k, x, k*x)}</functionDefinition><functionDefinition "
      "id='g'>{lambda(x, f(0.05, x) + f(0.05, x))}</functionDefinition></listOfFunctionDefinitions>" CELL X_FROM("0")
          PARAMETERS(CONSTANT("alpha", "1"))
              REACTIONS(BIRTH("alpha") "<reaction id='death' reversible='false' fast='false'>"
                                       "<listOfReactants>" ONE("X") "</listOfReactants>" LAW("g(X)") "</reaction>"),
      table);
  check_case(
      "local parameters",
      HEAD "<model>" CELL X_FROM("0") PARAMETERS(CONSTANT("alpha", "1") CONSTANT("mu", "77"))
          REACTIONS(BIRTH("alpha") "<reaction id='death' reversible='false' fast='false'><listOfReactants>" ONE(
              "X") "</listOfReactants><kineticLaw>{mu*X}"
                   "<listOfLocalParameters><localParameter id='mu' value='0.1'/></listOfLocalParameters></kineticLaw></reaction>"),
      table);
  check_case("initial assignments",
             HEAD "<model>" CELL X_FROM("5") PARAMETERS(CONSTANT("alpha", "3") CONSTANT("mu", "0.1") VARIABLE(
                 "zero", "9")) "<listOfInitialAssignments><initialAssignment "
                               "symbol='X'>{2*zero}</initialAssignment><initialAssignment symbol='alpha'>"
                               "{10*mu}</initialAssignment><initialAssignment "
                               "symbol='zero'>{alpha-10*mu}</initialAssignment></listOfInitialAssignments>" REACTIONS(BIRTH("alpha")
                                                                                                                          DEATH),
             table);
  check_case(
      "parameters by rules",
      HEAD "<model>" CELL X_FROM("0") PARAMETERS(CONSTANT("alpha", "1") VARIABLE("mu", "4") VARIABLE(
          "half",
          "9")) "<listOfRules><assignmentRule variable='mu'>{2*half}</assignmentRule><assignmentRule variable='half'>{alpha/20}"
                "</assignmentRule></listOfRules>" REACTIONS(BIRTH("alpha") DEATH),
      table);
  check_case("piecewise laws", HEAD "<model>" CELL X_FROM("0") RATES REACTIONS(BIRTH("piecewise(alpha, X >= 0, 1000)") DEATH),
             table);
  wf_free(table);
}

static void check_sinks_and_sources(void)
{
  conformance_table *table = wf_calloc(1, sizeof *table);
  fill_immigration_death(table, 1, 1, 0, T, 0);
  for (int k = 0; k < T; k++) put(table, 1, "Sink", k, k - table->mean[0][k], k - table->mean[0][k]);
  check_case("sink",
             HEAD "<model>" CELL "<listOfSpecies><species id='X' initialAmount='0' " AMOUNT
                  "/><species id='Sink' initialAmount='0' " AMOUNT "/></listOfSpecies>" RATES REACTIONS(
                      BIRTH("alpha") "<reaction id='death' reversible='false' fast='false'>"
                                     "<listOfReactants>" ONE("X") "</listOfReactants><listOfProducts>" ONE(
                                         "Sink") "</listOfProducts>" LAW("mu*X") "</reaction>"),
             table);
  for (int k = 0; k < T; k++) put(table, 1, "Sink", k, 7, 0);
  check_case("boundary species",
             HEAD
             "<model>" CELL "<listOfSpecies><species id='X' initialAmount='0' " AMOUNT "/><species id='Sink' initialAmount='7' "
             "compartment='c' hasOnlySubstanceUnits='true' boundaryCondition='true' constant='false'/></listOfSpecies>" RATES
                 REACTIONS(
                     "<reaction id='birth' reversible='false' fast='false'><listOfReactants>" ONE(
                         "Sink") "</listOfReactants>"
                                 "<listOfProducts>" ONE("X") "</listOfProducts>" LAW(
                                     "alpha*Sink/7") "</reaction><reaction id='death' "
                                                     "reversible='false' fast='false'><listOfReactants>" ONE(
                                                         "X") "</listOfReactants><listOfProducts>" ONE("Sink") "</"
                                                                                                               "listOfProducts"
                                                                                                               ">" LAW("mu*X") "</"
                                                                                                                               "rea"
                                                                                                                               "cti"
                                                                                                                               "on"
                                                                                                                               ">"),
             table);
  for (int k = 0; k < T; k++) put(table, 1, "y", k, 2 * table->mean[0][k] + 1, 4 * pow(table->sd[0][k], 2));
  check_case("species by a rule",
             HEAD
             "<model>" CELL "<listOfSpecies><species id='X' initialAmount='0' " AMOUNT "/><species id='y' initialAmount='0' " AMOUNT
             "/></listOfSpecies>" RATES
             "<listOfRules><assignmentRule variable='y'>{2*X+1}</assignmentRule></listOfRules>" REACTIONS(BIRTH("alpha") DEATH),
             table);
  wf_free(table);
}

static void check_amounts_a_firing(void)
{
  conformance_table *table = wf_calloc(1, sizeof *table);
  fill_immigration_death(table, 1, 5, 0, T, 0);
  check_case(
      "batches of five",
      HEAD "<model>" CELL X_FROM("0") RATES REACTIONS(
          "<reaction id='birth' reversible='false' fast='false'><listOfProducts>"
          "<speciesReference species='X' stoichiometry='5' constant='true'/></listOfProducts>" LAW("alpha") "</reaction>" DEATH),
      table);
  /* a conversion factor of 5 on births and, the decay of five at a time being another process, none on deaths: a species of its own
   */
  for (int k = 0; k < T; k++) put(table, 0, "Y", k, 5 * k, 25 * k);
  check_case("conversion factor",
             HEAD "<model>" CELL "<listOfSpecies><species id='Y' initialAmount='0' conversionFactor='five' " AMOUNT
                  "/></listOfSpecies>" PARAMETERS(CONSTANT("alpha", "1") CONSTANT("five", "5"))
                      REACTIONS("<reaction id='birth' reversible='false' fast='false'>"
                                "<listOfProducts>" ONE("Y") "</listOfProducts>" LAW("alpha") "</reaction>"),
             table);
  wf_free(table);
}

static void check_time(void)
{
  conformance_table *table = wf_calloc(1, sizeof *table);
  for (int k = 0; k < T; k++) put(table, 0, "X", k, k < 25 ? k : 25 + 3 * (k - 25), k < 25 ? k : 25 + 3 * (k - 25));
  check_case("a law in time", HEAD "<model>" CELL X_FROM("0") REACTIONS(BIRTH("piecewise(1, time < 25, 3)")), table);
  for (int k = 0; k < T; k++) put(table, 0, "X", k, 0.02 * k * k, 0.02 * k * k);
  check_case("a law that grows", HEAD "<model>" CELL X_FROM("0") REACTIONS(BIRTH("0.04*time")), table);
  check_case("a rate rule",
             HEAD "<model>" CELL X_FROM("0") PARAMETERS(VARIABLE("k", "0")) "<listOfRules><rateRule variable='k'>{0.04}</rateRule>"
                                                                            "</listOfRules>" REACTIONS(BIRTH("k")),
             table);
  wf_free(table);
}

static void check_events(void)
{
  conformance_table *table = wf_calloc(1, sizeof *table);
  fill_immigration_death(table, 1, 1, 0, 25, 50);
  check_case("reset at 25",
             HEAD "<model>" CELL X_FROM("0") RATES REACTIONS_ONLY(BIRTH("alpha") DEATH) EVENTS("time >= 25", "", SET("X", "50")),
             table);
  check_case("reset with a delay",
             HEAD "<model>" CELL X_FROM("0") RATES REACTIONS_ONLY(BIRTH("alpha") DEATH)
                 EVENTS("time >= 20", "<delay>{50*mu}</delay>", SET("X", "10/alpha*5")),
             table);
  fill_dimerisation(table, T, STATES);
#define DIMERS                                                                                                                     \
  HEAD "<model>" CELL "<listOfSpecies><species id='P' initialAmount='100' " AMOUNT "/><species id='P2' initialAmount='0' " AMOUNT  \
       "/></listOfSpecies>" PARAMETERS(CONSTANT("k1", "0.001") CONSTANT("k2", "0.01")) REACTIONS_ONLY(                             \
           "<reaction id='join' "                                                                                                  \
           "reversible='false' fast='false'><listOfReactants><speciesReference species='P' stoichiometry='2' constant='true'/>"    \
           "</listOfReactants><listOfProducts>" ONE("P2") "</listOfProducts>" LAW(                                                 \
               "k1*P*(P-1)/2") "</reaction><reaction id='part' "                                                                   \
                               "reversible='false' fast='false'><listOfReactants>" ONE(                                            \
                                   "P2") "</listOfReactants><listOfProducts><speciesReference "                                    \
                                         "species='P' stoichiometry='2' constant='true'/></listOfProducts>" LAW(                   \
                                             "k2*P2") "</reaction>")
  check_case("dimerisation", DIMERS "</model></sbml>", table);
  fill_dimerisation(table, 25, STATES);
  check_case("dimerisation, reset at 25", DIMERS EVENTS("time >= 25", "", SET("P", "100") SET("P2", "0")), table);
  fill_dimerisation(table, T, 30);
  check_case("dimerisation, reset above 30", DIMERS EVENTS("P2 > 30", "", SET("P", "100") SET("P2", "0")), table);
  wf_free(table);
}

int main(int argc, char **argv)
{
  if (argc > 1) n_trajectories = atoi(argv[1]);
  check_one_process();
  check_sinks_and_sources();
  check_amounts_a_firing();
  check_time();
  check_events();
  return WF_TEST_END();
}
#endif

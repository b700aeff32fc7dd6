/* SBML that is refused, and in which words; hostile and damaged texts: a network or a reason, never a crash. */
#include "config.h"
#include "check.h"
#ifndef HAVE_LIBSBML
int main(void) { WF_TEST_SKIP("built without libsbml"); }
#else
#include <weightflow/random.h>
#include "sbml_check.h"

/* --- refusals --- */

/* Read what must be refused; with n_lines lines (0: any number), each of the texts (separated by '|') in one of them. */
static void check_refusal_of(const char *text, size_t length, const char *record, int n_lines, const char *expected)
{
  static told_lines told;
  char              wanted[400];
  told                = (told_lines){.n_lines = 0};
  wf_network *network = wf_sbml_read_text("model.xml", text, length, record, keep_line, &told);
  WF_CHECK(!network && told.n_lines > 0, "this was not refused: %s", expected);
  WF_CHECK(!n_lines || told.n_lines == n_lines, "%d lines, not %d:\n%s", told.n_lines, n_lines, told.text);
  for (const char *from = expected; from; from = strchr(from, '|') ? strchr(from, '|') + 1 : NULL) {
    snprintf(wanted, sizeof wanted, "%.*s", (int)strcspn(from, "|"), from);
    WF_CHECK(strstr(told.text, wanted), "\"%s\" is not in:\n%s", wanted, told.text);
  }
  wf_network_destroy(&network);
}

static void check_refusal(const char *model, int n_lines, const char *expected)
{
  char *text = expand_model(model);
  if (text) check_refusal_of(text, strlen(text), "", n_lines, expected);
  free(text);
}

#define WITH(more) L3V1 CELL("1") LIST("Species", AMOUNT("X", "10")) more TAIL
#define WITH_REACTION(reaction) WITH(LIST("Reactions", reaction))
#define DECAY(law) WITH_REACTION(REACTION("R1", "", FROM(REF("X", "1")), "", law))
#define K LIST("Parameters", PARAMETER("k", "1") VARIABLE("p", "1") VARIABLE("q", "1"))

static void check_refused_formulas(void)
{
  check_refusal(DECAY("k * X"), 1, "model.xml: line |: reaction R1: its formula needs \"k\", which is not defined");
  check_refusal(DECAY("Xx * 2"), 1, "is X meant?");
  check_refusal(DECAY("delay(X, 3)"), 1, "reaction R1: its formula looks back in time (delay)");
  check_refusal(DECAY("rateOf(X)"), 1, "reaction R1: its formula asks for a rate of change (rateOf)");
  check_refusal(DECAY("f(X)"), 1, "reaction R1: its formula calls \"f\", which is no function");
  check_refusal(DECAY("R1 * X"), 1, "reaction R1: the law of reaction R1 depends on its own rate");
  check_refusal(WITH(LIST("FunctionDefinitions", FUNCTION("f", "lambda(x, x + k)"))), 1,
                "function f: \"k\" is none of its arguments");
  check_refusal(WITH(LIST("FunctionDefinitions", FUNCTION("f", "lambda(x, g(x))") FUNCTION("g", "lambda(x, f(x))"))), 1,
                "it calls itself, perhaps through another function");
  check_refusal(L3V1 LIST("FunctionDefinitions", FUNCTION("f", "lambda(x, y, x + y)")) CELL("1") LIST("Species", AMOUNT("X", "10"))
                    LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "f(X)")) TAIL,
                1, "calls f with 1 arguments: it has 2");
  check_refusal(L3V1 LIST("FunctionDefinitions", FUNCTION("f", "lambda(x, x)")) CELL("1") LIST("Species", AMOUNT("X", "10"))
                    LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "f * X")) TAIL,
                1, "uses \"f\" as a value");
}

static void check_refused_values(void)
{
  check_refusal(L3V1 CELL("1") LIST("Species", SPECIES("X", "", "true")) TAIL, 1, "line 8: species X: it has no initial value");
  check_refusal(L3V1 CELL("1") LIST("Species", AMOUNT("X", "-3")) TAIL, 1, "species X: it starts with -3");
  check_refusal(L3V1 CELL("1") LIST("Species", AMOUNT("X", "INF")) TAIL, 1, "species X: its initial value is infinite");
  check_refusal(L3V1 CELL("1") LIST("Species", AMOUNT("X", "NaN")) TAIL, 1, "species X: it has no initial value");
  check_refusal(L3V1 CELL("0") LIST("Species", SPECIES("X", "initialAmount='1'", "false"))
                    LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "X")) TAIL,
                1, "compartment c has size 0");
  check_refusal(L3V1 CELL("1") LIST("Species", AMOUNT("X", "1")) LIST("Parameters", "<parameter id='k' constant='true'/>")
                    LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "k * X")
                                          REACTION("R2", "", FROM(REF("X", "1")), "", "k * X")) TAIL,
                1, "reaction R1: the parameter k has no value");
  check_refusal(WITH(K LIST("Rules", ASSIGN("p", "q + 1") ASSIGN("q", "p + 1"))), 1, "the value depends on itself");
  check_refusal(WITH(K LIST("InitialAssignments", INITIAL("p", "q + 1") INITIAL("q", "X") INITIAL("X", "p + 1"))), 1,
                "the value depends on itself");
  check_refusal(WITH(K LIST("Rules", ASSIGN("p", "R1")) LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "p"))), 1,
                "depends on itself");
}

static void check_refused_structures(void)
{
  check_refusal(WITH_REACTION("<reaction id='R1' reversible='true' fast='false'>" FROM(
                    REF("X", "1")) "<kineticLaw>{X - 3}</kineticLaw></reaction>"),
                1, "reaction R1: it is reversible, with a law that may become negative: split it");
  check_refusal(WITH_REACTION("<reaction id='R1' reversible='false' fast='true'>" FROM(
                    REF("X", "1")) "<kineticLaw>{X}</kineticLaw></reaction>"),
                1, "reaction R1: it is declared fast");
  check_refusal(WITH_REACTION("<reaction id='R1' reversible='false' fast='false'>" FROM(REF("X", "1")) "</reaction>"), 1,
                "line 11: reaction R1: it has no kinetic law");
  check_refusal(WITH_REACTION(REACTION("R1", "", FROM(REF("Z", "1")), "", "X")), 1, "reaction R1: there is no species \"Z\"");
  check_refusal(WITH_REACTION(REACTION("R1", "", FROM("<speciesReference species='X' constant='true'/>"), "", "X")), 1,
                "reaction R1: species X has no stoichiometry: say stoichiometry=\"1\"");
  check_refusal(WITH(LIST("Rules", "<algebraicRule>{X - 3}</algebraicRule>")), 1, "algebraic rule");
  check_refusal(WITH(K LIST("Rules", ASSIGN("p", "1") RATE("p", "2"))), 1, "rule for p: there are two rules for it");
  check_refusal(WITH(K LIST("Rules", ASSIGN("k", "1"))), 1, "rule for k: k is declared constant");
  check_refusal(WITH(K LIST("Rules", ASSIGN("pp", "1"))), 1,
                "rule for pp: there is no compartment, species or parameter \"pp\"; is p meant?");
  check_refusal(WITH(LIST("Rules", RATE("X", "1")) LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "X"))), 1,
                "rule for X: reactions change it, too");
  check_refusal(WITH(K LIST("InitialAssignments", INITIAL("p", "1") INITIAL("p", "2"))), 0, "initial assignment of p: another one");
  check_refusal(
      WITH(K LIST("Events", "<event id='E' useValuesFromTriggerTime='true'>" LIST("EventAssignments", SET("p", "1")) "</event>")),
      0, "trigger");
  check_refusal(L3V1 LIST("Species", AMOUNT("X", "10")) TAIL, 1, "species X: there is no compartment \"c\"");
  check_refusal(WITH(LIST("Parameters", PARAMETER("X", "1"))), 1, "parameter X: the id stands at the species of line 8, too");
  check_refusal(L3V1 TAIL, 1, "has no species");
  check_refusal(L3V1 LIST("Compartments", "<compartment id='c' size='2' constant='false'/>")
                    LIST("Species", CONCENTRATION("X", "1")) K LIST("Rules", ASSIGN("c", "time + 1") RATE("X", "1")) TAIL,
                1, "rule for X: a rate rule for a concentration");
  char *model = sbml_expand(DECAY("X"));
  check_refusal_of(model, strlen(model), "X,Xy,R1", 2,
                   "record: \"Xy\" is no variable of the model; is X meant? (its species: X)|\"R1\" is no");
  free(model);
}

/* Everything at once, and no more lines than can be read. */
static void check_many_problems(void)
{
  check_refusal(WITH(K LIST("Rules", ASSIGN("k", "1") ASSIGN("p", "z"))
                         LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), "", "zz")
                                               REACTION("R2", "", FROM(REF("Q", "1")), "", "delay(X, 1)"))),
                5,
                "k is declared constant|rule for p: its formula needs \"z\"|R1: its formula needs \"zz\"|R2: there is no "
                "species|R2: its formula looks back");
  char model[20000] = L3V1 CELL("1") "<listOfSpecies>";
  for (int i = 0; i < 50; i++)
    snprintf(model + strlen(model), sizeof model - strlen(model),
             "<species id='X%d' compartment='d' initialAmount='1' hasOnlySubstanceUnits='true' boundaryCondition='false' "
             "constant='false'/>",
             i);
  snprintf(model + strlen(model), sizeof model - strlen(model), "</listOfSpecies>" TAIL);
  check_refusal(model, 21, "and 30 more problems");
}

/* What libsbml finds is passed on. */
static void check_passed_on(void)
{
  check_refusal(L3V1 CELL("1") "<listOfSpecies><species id='X' compartment='c' nonsense='1'/></listOfSpecies>" TAIL, 0,
                "model.xml: line 7: Invalid attribute found on Species object: Attribute 'nonsense'");
  check_refusal(L3V1 "<listOfSpecies></listOfCompartments>" TAIL, 0, "model.xml: line ");
  check_refusal("<sbml xmlns='http://www.sbml.org/sbml/level3/version9/core' level='3' version='9'/>", 0, "model.xml: ");
  check_refusal("<sbml xmlns='http://www.sbml.org/sbml/level3/version1/core' level='3' version='1'/>", 0, "model.xml: ");
}

/* --- hostile texts --- */

static void check_refused_text(const char *text, const char *expected) { check_refusal_of(text, strlen(text), "", 1, expected); }

#define CORE "xmlns='http://www.sbml.org/sbml/level3/version1/core' "
#define OPEN "<sbml " CORE "level='3' version='1'>"

static void check_scan(void)
{
  check_refused_text("", "the file is empty");
  check_refused_text(" \n \n", "the file is empty");
  check_refused_text("{\"sbml\": 1}", "is no XML");
  check_refused_text("\x1f\x8b\x08 compressed", "is no XML");
  check_refusal_of("<sbml>\0</sbml>", 14, "", 1, "bytes of value 0");
  check_refused_text("<?xml version='1.0' encoding='UTF-7'?><sbml/>", "the encoding is \"UTF-7\"");
  check_refused_text("<?xml version='1.0'?><!DOCTYPE sbml [<!ENTITY a 'b'>]><sbml/>", "a document type or entity is declared");
  check_refused_text("<!-- only --> <?pi a?>", "no <sbml> element");
  check_refused_text("<html><body/></html>", "the outermost element is <html>");
  check_refused_text("<sbml level='1' version='2'><model/></sbml>", "SBML Level 1 Version 2: Level 2 Versions 1 to 5 and Level 3");
  check_refused_text("<sbml level='3' version='1' xmlns:comp='x' comp:required='true'><model/></sbml>",
                     "package \"comp\" is required");
  check_refused_text("<sbml level='3' version='1'><model/></sbml>",
                     "the namespace of SBML is missing: write xmlns=\"http://www.sbml.org");
  check_refused_text("<sbml xmlns='http://www.sbml.org/sbml/level2' level='3' version='1'/>",
                     "namespace \"http://www.sbml.org/sbml/level2\"");
  check_refused_text(OPEN "<model xmlns='http://www.sbml.org/sbml/level2/version4'/></sbml>",
                     "it must be \"http://www.sbml.org/sbml/level3/version1/core\" here");
  check_refused_text(OPEN "<model xmlns='&#104;ttp://www.sbml.org/sbml/level2/version4'/></sbml>", "it must be");
  check_refused_text(OPEN "\n<model>", "line 2: the file ends in the middle: 2 elements");
  check_refused_text(OPEN "\n<model id='a", "ends in the middle of an element");
  check_refused_text(OPEN "\n<!-- ", "a \"-->\" is missing");
  check_refused_text(OPEN "</sbml></sbml>", "ends that did not begin");
  check_refused_text(OPEN "</sbml><sbml/>", "behind the end of </sbml>");
  check_refused_text(OPEN "a < b</sbml>", "an element without a name");
}

/* A text of n times the middle; free with free. */
static char *repeat(const char *head, const char *middle, int n, const char *tail)
{
  size_t length = strlen(middle), first = strlen(head), size = first + length * (size_t)n + strlen(tail) + 1;
  char  *text = malloc(size);
  if (!text) exit(99);
  memcpy(text, head, first);
  for (int i = 0; i < n; i++) memcpy(text + first + length * (size_t)i, middle, length);
  snprintf(text + first + length * (size_t)n, size - first - length * (size_t)n, "%s", tail);
  return text;
}

#define RULE_HEAD                                                                                                                  \
  L3V1 LIST("Parameters",                                                                                                          \
            VARIABLE("k", "1") CLOCK) "<listOfRules>" TICK_RULE                                                                    \
                                      "<assignmentRule variable='k'><math xmlns='http://www.w3.org/1998/Math/MathML'>"
#define RULE_TAIL "</math></assignmentRule></listOfRules>" TAIL

static void check_depth(void)
{
  char *open = repeat(RULE_HEAD, "<apply><minus/>", 1500, ""), *text = repeat(open, "</apply>", 1500, RULE_TAIL);
  check_refused_text(text, "nested more than 1000 deep");
  free(open);
  free(text);
  text = repeat(RULE_HEAD "<apply><plus/>", "<cn>1</cn>", 1000000, "</apply>" RULE_TAIL);
  check_refused_text(text, "too many operands");
  free(text);
  open                = repeat(RULE_HEAD, "<apply><minus/>", 900, "<cn>1</cn>");
  text                = repeat(open, "</apply>", 900, RULE_TAIL);
  wf_network *network = read_recording(text, "k");
  WF_CHECK(initial(network, "k") == 1);
  wf_network_destroy(&network);
  free(open);
  free(text);
  text    = repeat(RULE_HEAD "<apply><plus/>", "<cn>1</cn>", 9000, "</apply>" RULE_TAIL);
  network = read_recording(text, "k");
  WF_CHECK(initial(network, "k") == 9000);
  wf_network_destroy(&network);
  free(text);
  text = repeat(L3V1 "<notes>", "<p>", 100000, TAIL);
  check_refused_text(text, "nested more than 1000 deep");
  free(text);
}

/* k_n := k_(n-1) for n = 1 ... 8 000: no recursion; and functions that double what they call. */
static void check_chains(void)
{
  enum { N = 8000, CHAIN_SIZE = N * 220 };
  char *text = malloc(CHAIN_SIZE);
  if (!text) exit(99);
  int used = snprintf(text, CHAIN_SIZE, "%s", L3V1 "<listOfParameters>" CLOCK);
  for (int i = 0; i < N; i++)
    used += snprintf(text + used, CHAIN_SIZE - (size_t)used, "<parameter id='k%d' value='5' constant='false'/>", i);
  used += snprintf(text + used, CHAIN_SIZE - (size_t)used, "</listOfParameters><listOfRules>" TICK_RULE);
  for (int i = N - 1; i > 0; i--)
    used += snprintf(
        text + used, CHAIN_SIZE - (size_t)used,
        "<assignmentRule variable='k%d'><math xmlns='http://www.w3.org/1998/Math/MathML'><ci>k%d</ci></math></assignmentRule>", i,
        i - 1);
  snprintf(text + used, CHAIN_SIZE - (size_t)used, "</listOfRules>" TAIL);
  wf_network *network = read_recording(text, "k7999");
  WF_CHECK(initial(network, "k7999") == 5);
  wf_network_destroy(&network);
  used = snprintf(text, CHAIN_SIZE, "%s", L3V1 "<listOfFunctionDefinitions>" FUNCTION("f0", "lambda(x, x)"));
  for (int i = 1; i < 60; i++)
    used +=
        snprintf(text + used, CHAIN_SIZE - (size_t)used, FUNCTION("f%d", "lambda(x, f%d(x + 1) * f%d(2 * x))"), i, i - 1, i - 1);
  snprintf(text + used, CHAIN_SIZE - (size_t)used,
           "</listOfFunctionDefinitions>" CELL("1") LIST("Species", AMOUNT("X", "1"))
               LIST("Reactions", REACTION("R", "", FROM(REF("X", "1")), "", "f59(X)")) TAIL);
  check_refusal(text, 1, "formulas grow too large once functions are put in");
  used = snprintf(text, CHAIN_SIZE, "%s", L3V1 "<listOfFunctionDefinitions>" FUNCTION("f0", "lambda(x, x)"));
  for (int i = 1; i < 400; i++)
    used += snprintf(text + used, CHAIN_SIZE - (size_t)used, FUNCTION("f%d", "lambda(x, f%d(x))"), i, i - 1);
  snprintf(text + used, CHAIN_SIZE - (size_t)used, "</listOfFunctionDefinitions>" CELL("1") LIST("Species", AMOUNT("X", "1")) TAIL);
  check_refusal(text, 0, "functions call one another more than 200 deep");
  free(text);
}

static void ignore_line(void *context, const char *line)
{
  int *n = context;
  (*n)++;
}

/* A model cut off anywhere, and with any byte changed: a network or a reason, and no crash. Fixed draws. */
static void check_damaged(void)
{
  char *text = sbml_expand(
      L3V1 LIST("FunctionDefinitions", FUNCTION("f", "lambda(x, y, x * y)")) CELL("2") LIST(
          "Species", CONCENTRATION("X", "10") AMOUNT("Y", "3")) K LIST("InitialAssignments",
                                                                       INITIAL("q", "p + 1")) LIST("Rules", ASSIGN("p", "f(X, k)"))
          LIST("Reactions", REACTION("R1", "", FROM(REF("X", "1")), TO(REF("Y", "2")), "piecewise(X, Y > 2, 1)")) LIST(
              "Events",
              "<event id='E' useValuesFromTriggerTime='true'><trigger initialValue='true' persistent='true'>{X < 1}</trigger>" LIST(
                  "EventAssignments", SET("q", "2")) "</event>") TAIL);
  size_t length = text ? strlen(text) : 0;
  char  *copy   = malloc(length + 1);
  if (!copy || !text) exit(99);
  for (uint32_t i = 0; i < 600; i++) {
    double u[2];
    int    n = 0;
    wf_random_uniform2(330, WF_RANDOM_SSA, 0, i, u);
    memcpy(copy, text, length + 1);
    size_t at = (size_t)(u[0] * (double)length), cut = i % 2 ? at : length;
    copy[at]            = (char)(256 * u[1]);
    wf_network *network = wf_sbml_read_text("model.xml", copy, cut, "", ignore_line, &n);
    WF_CHECK((network != NULL) == (n == 0), "byte %zu", at);
    wf_network_destroy(&network);
  }
  free(copy);
  free(text);
}

static void check_files(void)
{
  static told_lines told;
  WF_CHECK(!wf_sbml_read("/nonexistent/model.xml", "", keep_line, &told) &&
               strstr(told.text, "/nonexistent/model.xml: cannot be read: No such file"),
           "%s", told.text);
  told = (told_lines){.n_lines = 0};
  WF_CHECK(!wf_sbml_read("/", "", keep_line, &told) && strstr(told.text, "is no file"), "%s", told.text);
}

int main(int argc, char **argv)
{
  if (argc == 3 && !strcmp(argv[1], "seeds")) seed_prefix = argv[2];
  check_refused_formulas();
  check_refused_values();
  check_refused_structures();
  check_many_problems();
  check_passed_on();
  check_scan();
  check_depth();
  check_chains();
  check_damaged();
  check_files();
  return WF_TEST_END();
}
#endif

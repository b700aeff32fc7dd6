/* Small SBML models written with {formulas} in place of MathML. */
#ifndef WEIGHTFLOW_TESTS_SBML_TEXT_H
#define WEIGHTFLOW_TESTS_SBML_TEXT_H
#include <sbml/SBMLTypes.h>
#include <stdlib.h>
#include <string.h>

#define SBML_HEAD(level, version, name_space)                                                                                      \
  "<?xml version='1.0' encoding='UTF-8'?>\n<sbml xmlns='http://www.sbml.org/sbml/" name_space "' level='" level                    \
  "' version='" version "'>\n<model id='m'>\n"
#define L3V1 SBML_HEAD("3", "1", "level3/version1/core")
#define L3V2 SBML_HEAD("3", "2", "level3/version2/core")
#define L2V1 SBML_HEAD("2", "1", "level2")
#define L2V4 SBML_HEAD("2", "4", "level2/version4")
#define TAIL "</model>\n</sbml>\n"
#define LIST(what, items) "<listOf" what ">\n" items "</listOf" what ">\n"
#define CELL(size) LIST("Compartments", "<compartment id='c' size='" size "' constant='true'/>\n")
#define PARAMETER(id, value) "<parameter id='" id "' value='" value "' constant='true'/>\n"
#define VARIABLE(id, value) "<parameter id='" id "' value='" value "' constant='false'/>\n"
#define SPECIES(id, start, more)                                                                                                   \
  "<species id='" id "' compartment='c' " start " hasOnlySubstanceUnits='" more "' boundaryCondition='false' constant='false'/>\n"
#define AMOUNT(id, n) SPECIES(id, "initialAmount='" n "'", "true")
#define CONCENTRATION(id, n) SPECIES(id, "initialConcentration='" n "'", "false")
#define REF(id, n) "<speciesReference species='" id "' stoichiometry='" n "' constant='true'/>\n"
#define REACTION(id, more, reactants, products, law)                                                                               \
  "<reaction id='" id "' reversible='false' fast='false'>\n" reactants products "<kineticLaw>{" law "}" more                       \
  "</kineticLaw>\n</reaction>\n"
#define FROM(items) LIST("Reactants", items)
#define TO(items) LIST("Products", items)
#define ASSIGN(id, formula) "<assignmentRule variable='" id "'>{" formula "}</assignmentRule>\n"
#define RATE(id, formula) "<rateRule variable='" id "'>{" formula "}</rateRule>\n"
#define INITIAL(id, formula) "<initialAssignment symbol='" id "'>{" formula "}</initialAssignment>\n"
#define FUNCTION(id, lambda) "<functionDefinition id='" id "'>{" lambda "}</functionDefinition>\n"
#define SET(id, formula) "<eventAssignment variable='" id "'>{" formula "}</eventAssignment>\n"

/* The text with each {formula} as MathML; free with free. The formulas of a test are right: otherwise NULL. */
static inline char *sbml_expand(const char *with_formulas)
{
  size_t      capacity = 64 * strlen(with_formulas) + 4096, used = 0;
  char       *text = malloc(capacity);
  const char *from = with_formulas;
  while (text) {
    const char *open = strchr(from, '{'), *close = open ? strchr(open, '}') : NULL;
    size_t      n = close ? (size_t)(open - from) : strlen(from);
    if (used + n >= capacity) break;
    memcpy(text + used, from, n);
    text[used += n] = 0;
    if (!close) return text;
    char formula[1024] = "";
    if ((size_t)(close - open) >= sizeof formula) break;
    memcpy(formula, open + 1, (size_t)(close - open) - 1);
    ASTNode_t  *tree  = SBML_parseL3Formula(formula);
    char       *math  = tree ? writeMathMLToString(tree) : NULL;
    const char *start = math ? strstr(math, "<math") : NULL;
    n                 = start ? strlen(start) : 0;
    if (start && used + n < capacity) memcpy(text + used, start, n);
    text[used += start && used + n < capacity ? n : 0] = 0;
    ASTNode_free(tree);
    free(math);
    if (!start) break;
    from = close + 1;
  }
  free(text);
  return NULL;
}
#endif

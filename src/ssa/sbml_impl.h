/* Reading SBML, inside: one table of everything that has an id, and the steps that fill and use it.

   Steps: the text is scanned and given to libsbml (sbml_read.c); ids are tabled, rules attached to them, and what can change while
   the model runs is marked (sbml_table.c); every formula is checked, so that later steps meet valid ones only (sbml_check.c);
   initial values are solved for (sbml_initial.c); variables, rules and reactions (sbml_build.c) and events (sbml_events.c) are put
   into the network. Formulas become expressions in sbml_math.c. What does not change is a number in them. A problem is reported
   where it is met; a step that had any ends the reading. */
#ifndef WEIGHTFLOW_SSA_SBML_IMPL_H
#define WEIGHTFLOW_SSA_SBML_IMPL_H
#include <sbml/SBMLTypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <weightflow/sbml.h>

enum { WF_SBML_MAX_TOLD = 20 }; /* more problems are counted only */

typedef enum {
  WF_SBML_COMPARTMENT,
  WF_SBML_SPECIES,
  WF_SBML_PARAMETER,
  WF_SBML_STOICHIOMETRY, /* a species reference of Level 3 */
  WF_SBML_FUNCTION,
  WF_SBML_REACTION,
  WF_SBML_EVENT
} wf_sbml_kind;

typedef enum { WF_SBML_OPEN, WF_SBML_BEGUN, WF_SBML_DONE } wf_sbml_state;

/* Something with an id; the first four kinds are quantities and have a value. Of a species the value and the variable are its
   amount, whatever its id means in formulas. Pointers go into libsbml's document. */
typedef struct {
  const char   *id;
  wf_sbml_kind  kind;
  int           line;
  wf_sbml_state state;                        /* of the value, of a function's check, of a reaction's law */
  double        value;                        /* the initial one; NaN: there is none */
  bool          constant, changes, unsettled; /* declared constant; changes while the model runs; told to have no value */
  bool          recorded;
  int           variable;              /* of the network; -1: it is a number */
  const InitialAssignment_t  *initial; /* NULL: none */
  const Rule_t               *assignment, *rate;
  const Species_t            *species;          /* of a species: */
  bool                        is_amount;        /* its id means an amount; else a concentration */
  bool                        from_reactions;   /* reactions may change it */
  bool                        in_concentration; /* its value is given as a concentration */
  int                         compartment;      /* entry, or -1: it has no size */
  bool                        has_size;         /* of a compartment */
  int                         mark;             /* used by loops over the references of a reaction */
  const FunctionDefinition_t *function;
  int                         height; /* how deep the functions that it calls are nested */
  Reaction_t                 *reaction;
} wf_sbml_entry;

/* Where a problem is, for its message. */
typedef struct {
  int         line;
  const char *what, *id;
} wf_sbml_where;

/* What the names in a formula may be besides the model's ids: a law's own parameters, or a function's arguments and nothing else.
 */
typedef struct {
  KineticLaw_t               *law;
  const FunctionDefinition_t *function;
  const wf_expression        *arguments;
} wf_sbml_scope;

typedef struct {
  const char *id;
  int         entry;
} wf_sbml_name;

typedef struct {
  const char     *name;
  wf_sbml_report *report;
  void           *context;
  int             n_problems;
  SBMLDocument_t *document;
  Model_t        *model;
  unsigned        level, version;

  wf_sbml_entry *entries;
  int            n_entries;
  wf_sbml_name  *names; /* [n_entries] sorted */
  double        *net;   /* [n_entries] net changes of species by a reaction; 0 between uses */
  wf_network    *network;

  bool initial;                              /* formulas are evaluated at the start: names are numbers */
  int *pending, n_pending, pending_capacity; /* quantities that a formula needed although their values are not known yet */
  bool blamed;                               /* a quantity without a value was met, and told of */
  int  depth;                                /* of the formula, with functions put in */
  long work, all_work;                       /* operations made for this formula, and for all */
  bool exhausted;                            /* a limit on formulas was met and told */
} wf_sbml_reader;

/* Report a problem. where NULL or its line 0: of the whole file. */
__attribute__((format(printf, 3, 4))) void wf_sbml_complain(wf_sbml_reader *reader, const wf_sbml_where *where, const char *format,
                                                            ...);
/* Report how many more there were than are told one by one. */
void          wf_sbml_end_complaints(wf_sbml_reader *reader);
wf_sbml_where wf_sbml_place(const void *element, const char *what, const char *id);
/* Make room for one more item; NULL (reported) if memory is short; then the old array is still there. */
void *wf_sbml_grow(wf_sbml_reader *reader, void *array, int count, int *capacity, size_t size);

/* The entry of this id, -1: there is none. */
int  wf_sbml_find(const wf_sbml_reader *reader, const char *id);
bool wf_sbml_is_quantity(const wf_sbml_entry *entry);
/* Put the known id that is most like this one into `nearest`, as a question; "" if none is. quantities: only ids with values. */
void wf_sbml_suggest(const wf_sbml_reader *reader, const char *id, bool quantities, char *nearest, size_t size);
bool wf_sbml_fill_table(wf_sbml_reader *reader);
bool wf_sbml_mark_changes(wf_sbml_reader *reader);
bool wf_sbml_mark_recorded(wf_sbml_reader *reader, const char *record);

bool wf_sbml_check_formulas(wf_sbml_reader *reader);
/* Value of a kinetic law's own parameter; false: it has none of that name. */
bool wf_sbml_find_local(wf_sbml_reader *reader, KineticLaw_t *law, const char *name, double *value);

/* What an operator of MathML is: operation -1 if it has no operation of its own; false: no stochastic model may hold it. */
bool wf_sbml_describe_operator(ASTNodeType_t type, int *operation, unsigned *least, unsigned *most);
/* A checked formula as an expression, negative (a problem was reported, or in the initial state `pending` holds something). */
wf_expression wf_sbml_convert(wf_sbml_reader *reader, const ASTNode_t *math, const wf_sbml_scope *scope,
                              const wf_sbml_where *where);
/* The value of a quantity, of a species its amount; and the size that a species' amount is to be divided by, negative: by none. */
wf_expression wf_sbml_quantity(wf_sbml_reader *reader, int entry, const wf_sbml_where *where);
wf_expression wf_sbml_divisor(wf_sbml_reader *reader, int entry, const wf_sbml_where *where);
/* expression * size of the compartment, where a species' id means a concentration. */
wf_expression wf_sbml_as_amount(wf_sbml_reader *reader, int entry, wf_expression expression, const wf_sbml_where *where);
wf_expression wf_sbml_operate(wf_sbml_reader *reader, wf_operation operation, wf_expression a, wf_expression b);

bool wf_sbml_solve_initial(wf_sbml_reader *reader);
bool wf_sbml_build_network(wf_sbml_reader *reader);
bool wf_sbml_add_events(wf_sbml_reader *reader);
/* In a finished network: a reaction declared reversible must not have a law that can become negative, which is no propensity. */
bool wf_sbml_check_reversible(wf_sbml_reader *reader);
#endif

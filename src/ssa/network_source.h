/* Inside a network while it is built: the pool of expressions and what was given. For network*.c only.

   The pool holds each expression once: an expression is a node, and a node's operands stand before it, so walks are loops. */
#ifndef WEIGHTFLOW_SSA_NETWORK_SOURCE_H
#define WEIGHTFLOW_SSA_NETWORK_SOURCE_H
#include "ssa/network_impl.h"

enum { WF_NODE_NUMBER = WF_N_OPERATIONS, WF_NODE_SYMBOL, WF_NODE_TIME };

typedef struct {
  int32_t kind;       /* wf_operation or one of the above */
  int32_t operand[3]; /* -1 where there is none; of a symbol: the variable */
  double  number;
} wf_node;

typedef struct {
  char   *name;
  double  initial;
  bool    is_species, recorded;
  int32_t assignment, rate; /* expressions of its rule, or -1 */
} wf_source_variable;

typedef struct {
  char   *name;
  int32_t law, first_change, n_changes;
} wf_source_reaction;

typedef struct {
  char            *name;
  wf_network_event event; /* without its name and arrays */
  int32_t          first_assignment;
} wf_source_event;

typedef struct {
  int32_t variable, expression;
} wf_source_assignment;

typedef struct {
  int32_t node, next; /* which operand comes next */
} wf_walk_place;

struct wf_network_source {
  wf_node *nodes;
  int32_t  n_nodes, node_capacity;
  int32_t *node_table, node_table_size; /* open addressing; 1 + node, 0: free */
  /* walks: order [n_order], and for each node whether it was met in walk number `walk` */
  int32_t       *mark, mark_capacity, walk, *order, order_capacity, n_order, stack_capacity;
  wf_walk_place *stack;

  wf_source_variable   *variables;
  int32_t               variable_capacity, *name_table, name_table_size;
  wf_source_reaction   *reactions;
  wf_network_change    *changes;
  wf_source_event      *events;
  wf_source_assignment *event_assignments;
  int32_t reaction_capacity, n_changes, change_capacity, event_capacity, n_events, n_event_assignments, event_assignment_capacity;
};

/* Only the first mistake is kept: later ones often follow from it. */
__attribute__((format(printf, 2, 3))) void wf_network_remember_problem(wf_network *network, const char *format, ...);

/* Room for at least one more item: the array itself or a larger copy of it; NULL (and a problem) if memory is short. */
void *wf_network_grow(wf_network *network, void *array, int32_t count, int32_t *capacity, size_t size);
/* A copy; NULL (and a problem) if memory is short. */
char *wf_network_copy_text(wf_network *network, const char *text);

void wf_network_discard_source(wf_network *network);
int  wf_operation_arity(int32_t kind); /* of a node: 0 for numbers, symbols and the time */
void wf_network_discard_pool(wf_network_source *source);
/* One operation whose operands are nodes already; b and c -1 where there are none. */
wf_expression wf_network_make_node(wf_network *network, wf_operation operation, int32_t a, int32_t b, int32_t c);

/* Put all nodes that these expressions need (negative ones are passed over) in source->order, operands first; through_assignments:
   a variable needs its rule's expression. false: memory is short or, remembered as a problem unless `quiet`, rules go in a circle.
 */
bool wf_network_walk(wf_network *network, int32_t n, const wf_expression *roots, bool through_assignments, bool quiet);
#endif

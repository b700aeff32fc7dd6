/* Inside the compiler of networks. For network_*.c only. */
#ifndef WEIGHTFLOW_SSA_NETWORK_COMPILE_H
#define WEIGHTFLOW_SSA_NETWORK_COMPILE_H
#include "ssa/network_source.h"

/* What moves a variable: a set of these. */
enum {
  WF_MOVED_BY_JUMP       = 1,
  WF_MOVED_DOWN          = 2,
  WF_MOVED_BY_PROGRAM    = 4,
  WF_MOVED_BY_EVENT      = 8,
  WF_MOVED_BY_RATE       = 16,
  WF_MOVED_BY_ASSIGNMENT = 32
};
/* What an expression contains: a set of these. */
enum { WF_CONTAINS_TIME = 1, WF_CONTAINS_VARIABLE = 2, WF_CONTAINS_RATE = 4 };

/* scale * variable + offset; variable -1: the number offset, -2: not of this form */
typedef struct {
  int32_t variable;
  double  scale, offset;
} wf_affine;

typedef struct {
  wf_network        *network;
  wf_network_source *source;
  uint8_t           *moved;                  /* [n_variables] */
  bool              *whole, *never_negative; /* [n_variables] in all states that can be reached */
  int32_t           *substituted;            /* by node, of what was given: without assigned and constant variables */
  int32_t            n_annotated;            /* nodes with the next two */
  wf_affine         *affine;
  uint8_t           *contains;
  int32_t            n_bounds; /* nodes that the next two have room for */
  double            *lower, *upper;
  int32_t            n_factors, factor_capacity, n_guards, guard_capacity, instruction_capacity, program_capacity;
} wf_compiler;

/* All return false where memory is short or a mistake was found; it is remembered. */
bool wf_compiler_substitute(wf_compiler *compiler);        /* fills substituted, affine, contains and the order of assignments */
bool wf_compiler_infer(wf_compiler *compiler);             /* fills whole and never_negative */
bool wf_compiler_find_laws(wf_compiler *compiler);         /* reactions, factors and guards; programs are expressions still */
bool wf_compiler_make_programs(wf_compiler *compiler);     /* all slots and programs */
bool wf_compiler_find_dependencies(wf_compiler *compiler); /* affected */

/* Enclose an expression without assigned variables at all times and in all states; in those with variable `fixed` at `at` if it is
   not negative. */
bool wf_compiler_bound(wf_compiler *compiler, wf_expression expression, int32_t fixed, double at, double *lower, double *upper);
#endif

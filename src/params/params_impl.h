/* What the files of params/ share and nobody else sees. */
#ifndef WEIGHTFLOW_PARAMS_IMPL_H
#define WEIGHTFLOW_PARAMS_IMPL_H
#include <weightflow/params.h>

enum { WHY_SIZE = 512, NAME_SIZE = 96, MAX_PARAMS = 128 };

/* Set one member from text [length bytes, then a zero]. Returns false with the reason in why [WHY_SIZE] and leaves the member alone
   if the text is malformed or out of range. */
bool wf_param_set(wf_params *params, const wf_param_row *row, const char *text, size_t length, char *why);

/* Is it one of true, false, yes, no, on, off, 1, 0? *value is set if so. */
bool wf_bool_parse(const char *text, bool *value);

/* A finite decimal number and nothing else. */
bool wf_number_parse(const char *text, double *value);

/* Row of a name in a group (either may be unknown: -1). */
int wf_param_find(const char *group, const char *name);

/* Names of the groups in the table's order, [*n_groups]; static. */
const char *const *wf_params_groups(int *n_groups);

/* A value for a message: shortened where it is long. shown [NAME_SIZE] out; returns it. */
const char *wf_value_shorten(const char *value, char *shown);

/* A row whose value was refused holds another one: what follows from that one is no mistake of the user. row -1: all rows. */
void wf_mistakes_spoil(wf_mistakes *mistakes, int row);
bool wf_mistakes_is_sound(const wf_mistakes *mistakes, const char *group, const char *name);

/* The sources of values, in the order in which they are applied. */
void wf_params_read_yaml(wf_params *params, const char *yaml_file, wf_mistakes *mistakes);
void wf_params_read_options(wf_params *params, int argc, char **argv, wf_mistakes *mistakes);
#endif

/* What can be wrong with numbers that should be counts. Pure. */
#ifndef WEIGHTFLOW_DATA_COUNT_FAULTS_H
#define WEIGHTFLOW_DATA_COUNT_FAULTS_H
#include <stdint.h>

typedef enum { WF_FAULT_NOT_FINITE, WF_FAULT_NEGATIVE, WF_FAULT_FRACTION, WF_FAULT_TOO_LARGE, WF_N_FAULTS } wf_count_fault;

/* How many of each kind, and the first: its place in the whole array and its value. */
typedef struct {
  int64_t n[WF_N_FAULTS], first[WF_N_FAULTS];
  double  value[WF_N_FAULTS];
} wf_count_faults;

/* No faults yet. */
void wf_count_faults_clear(wf_count_faults *faults);
/* Look at values [n], the first of which is number `begin` of the whole; what is a count goes to counts [n], the rest becomes 0. */
void wf_count_faults_add(wf_count_faults *faults, int64_t begin, int64_t n, const double *values, int32_t *counts);
/* "negative counts", ... */
const char *wf_count_fault_name(wf_count_fault fault);
#endif

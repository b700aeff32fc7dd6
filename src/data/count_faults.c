/* Checks of counts, see count_faults.h. */
#include <math.h>
#include "count_faults.h"

void wf_count_faults_clear(wf_count_faults *faults)
{
  for (int i = 0; i < WF_N_FAULTS; i++) {
    faults->n[i]     = 0;
    faults->first[i] = INT64_MAX;
    faults->value[i] = 0;
  }
}

/* WF_N_FAULTS if there is nothing wrong. */
static wf_count_fault judge_value(double value)
{
  if (!isfinite(value)) return WF_FAULT_NOT_FINITE;
  if (value < 0) return WF_FAULT_NEGATIVE;
  if (value > INT32_MAX) return WF_FAULT_TOO_LARGE;
  return value == floor(value) ? WF_N_FAULTS : WF_FAULT_FRACTION;
}

void wf_count_faults_add(wf_count_faults *faults, int64_t begin, int64_t n, const double *values, int32_t *counts)
{
  for (int64_t i = 0; i < n; i++) {
    wf_count_fault fault = judge_value(values[i]);
    counts[i]            = fault == WF_N_FAULTS ? (int32_t)values[i] : 0;
    if (fault == WF_N_FAULTS) continue;
    if (faults->n[fault]++ == 0) {
      faults->first[fault] = begin + i;
      faults->value[fault] = values[i];
    }
  }
}

const char *wf_count_fault_name(wf_count_fault fault)
{
  static const char *const NAMES[] = {"not finite", "negative", "not whole", "too large for a count"};
  return NAMES[fault];
}

/* One line that shows how far a piece of work is. Pure. */
#ifndef WEIGHTFLOW_PROGRESS_H
#define WEIGHTFLOW_PROGRESS_H
#include <stddef.h>
#include <stdint.h>

/* Seconds still to go, from `done` of `total` steps of which `done - first` took `seconds`; negative if it cannot be told yet. */
double wf_progress_remaining(int64_t first, int64_t done, int64_t total, double seconds);
/* "[=====>    ]  50 %  note  3 min 05 s left" into text [size]; bar cells = width, 0 for no bar; remaining < 0: left out. */
void wf_progress_line(int64_t done, int64_t total, double remaining, int width, const char *note, char *text, size_t size);
#endif

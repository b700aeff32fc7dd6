/* Time. Nothing here is collective. */
#ifndef WEIGHTFLOW_CLOCK_H
#define WEIGHTFLOW_CLOCK_H
#include <stddef.h>

/* Seconds of a clock that never goes back, from an arbitrary start. */
double wf_clock_seconds(void);
/* Date and time of day, "2026-01-31 12:00:00", into text [size]. */
void wf_clock_date(char *text, size_t size);
/* A duration for people: "0.42 s", "3 min 05 s", "2 h 07 min". */
void wf_clock_duration(double seconds, char *text, size_t size);
#endif

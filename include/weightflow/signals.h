/* The wish to stop, sent as a signal: USR1 (batch systems before the time limit), TERM, INT (Ctrl-C).
   Nothing here is collective. */
#ifndef WEIGHTFLOW_SIGNALS_H
#define WEIGHTFLOW_SIGNALS_H

/* From here on these signals are remembered. A second INT ends the process at once. Calls nest. */
void wf_signals_catch(void);
/* Take one wf_signals_catch back. With the last one everything is as it was before the first, and what came is forgotten. */
void wf_signals_release(void);
/* The last signal caught, 0 if none. */
int wf_signals_caught(void);
#endif

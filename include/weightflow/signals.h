/* The wish to stop, sent as a signal: USR1 (batch systems before the time limit), TERM, INT (Ctrl-C).
   Nothing here is collective. */
#ifndef WEIGHTFLOW_SIGNALS_H
#define WEIGHTFLOW_SIGNALS_H

/* From here on these signals are remembered. A second INT ends the process at once. */
void wf_signals_catch(void);
/* Back to what was before wf_signals_catch; what was remembered is forgotten. */
void wf_signals_release(void);
/* The last signal caught, 0 if none. */
int wf_signals_caught(void);
#endif

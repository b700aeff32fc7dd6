/* Signal handlers that only note what came, see signals.h. */
#include <signal.h>
#include <string.h>
#include <weightflow/signals.h>

static const int SIGNALS[] = {SIGUSR1, SIGTERM, SIGINT};
enum { N_SIGNALS = sizeof(SIGNALS) / sizeof(SIGNALS[0]) };
static struct sigaction      before[N_SIGNALS];
static volatile sig_atomic_t caught;
static int                   n_holders; /* those who want signals caught, one inside the other */

static void note_signal(int number)
{
  if (number == SIGINT && caught == SIGINT) { /* pressed twice: they mean it */
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  caught = number;
}

void wf_signals_catch(void)
{
  struct sigaction action;
  if (n_holders++) return;
  memset(&action, 0, sizeof(action));
  action.sa_handler = note_signal;
  action.sa_flags   = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < N_SIGNALS; i++) sigaction(SIGNALS[i], &action, &before[i]);
  caught = 0;
}

void wf_signals_release(void)
{
  if (n_holders == 0 || --n_holders > 0) return;
  for (int i = 0; i < N_SIGNALS; i++) sigaction(SIGNALS[i], &before[i], NULL);
  caught = 0;
}

int wf_signals_caught(void) { return caught; }

/* Teams: the split, and the shared counter under load. Each piece of work must be taken exactly once, whoever is slow, also when
   rank 0, on which the counter lies, is busy elsewhere; signals are caught as long as anyone wants them. */
/* RUN: np=1,2,4 */
#include <signal.h>
#include <unistd.h>
#include <weightflow/clock.h>
#include <weightflow/signals.h>
#include <weightflow/teams.h>
#include "check.h"

enum { N_ITEMS = 200 };

static void work(int microseconds)
{
  double end = wf_clock_seconds() + 1e-6 * microseconds;
  while (wf_clock_seconds() < end) usleep(20);
}

/* Sizes of teams differ by one at most, ranks stay in order. */
static PetscErrorCode check_split(const wf_teams *teams, int n_teams, int rank, int size)
{
  MPI_Comm comm = wf_teams_comm(teams);
  int      team_rank, team_size, first, indices[2] = {wf_teams_index(teams), -wf_teams_index(teams)};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &team_rank));
  PetscCallMPI(MPI_Comm_size(comm, &team_size));
  WF_CHECK(team_size == size / n_teams || team_size == size / n_teams + 1, "%d of %d", team_size, size);
  first = rank - team_rank;
  PetscCallMPI(MPI_Bcast(&first, 1, MPI_INT, 0, comm));
  WF_CHECK(rank == first + team_rank);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, indices, 2, MPI_INT, MPI_MAX, PETSC_COMM_WORLD));
  WF_CHECK(indices[0] == n_teams - 1 && indices[1] == 0);
  PetscFunctionReturn(0);
}

/* Take all pieces, one team ten times as slowly as the others: each is taken once, and the slow one gets less than its share (it
   would take a fast team that is held up for most of the time to raise a false alarm). */
static PetscErrorCode take_all(wf_teams *teams, int n_teams, int slow_team)
{
  int     taken[N_ITEMS] = {0}, team_rank, mine = 0;
  int64_t item, last = -1;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(wf_teams_comm(teams), &team_rank));
  for (;;) {
    PetscCall(wf_teams_next(teams, N_ITEMS, &item));
    if (item >= N_ITEMS) break;
    WF_CHECK(item > last, "%lld after %lld", (long long)item, (long long)last);
    last = item;
    if (team_rank == 0) taken[item]++;
    mine++;
    work(wf_teams_index(teams) == slow_team ? 3000 : 300);
  }
  for (int again = 0; again < 3; again++) {
    PetscCall(wf_teams_next(teams, N_ITEMS, &item));
    WF_CHECK(item == N_ITEMS, "after the end comes %lld", (long long)item);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, taken, N_ITEMS, MPI_INT, MPI_SUM, PETSC_COMM_WORLD));
  for (int i = 0; i < N_ITEMS; i++) WF_CHECK(taken[i] == 1, "piece %d was taken %d times", i, taken[i]);
  WF_CHECK(n_teams == 1 || wf_teams_index(teams) != slow_team || mine < N_ITEMS / n_teams, "the slow team took %d", mine);
  PetscFunctionReturn(0);
}

static PetscErrorCode check_teams(int n_teams, int rank, int size)
{
  wf_teams *teams;

  PetscFunctionBeginUser;
  PetscCall(wf_teams_create(PETSC_COMM_WORLD, n_teams, &teams));
  PetscCall(check_split(teams, n_teams, rank, size));
  for (int round = 0; round < 2; round++) {
    PetscCall(take_all(teams, n_teams, round == 0 ? 0 : n_teams - 1));
    PetscCall(wf_teams_rewind(teams));
  }
  PetscCall(wf_teams_destroy(&teams));
  WF_CHECK(teams == NULL);
  PetscCall(wf_teams_destroy(&teams));
  PetscFunctionReturn(0);
}

static void check_nested_signals(void)
{
  wf_signals_catch();
  wf_signals_catch();
  raise(SIGUSR1);
  WF_CHECK(wf_signals_caught() == SIGUSR1);
  wf_signals_release();
  WF_CHECK(wf_signals_caught() == SIGUSR1, "forgotten by the inner release");
  raise(SIGUSR1); /* would end the process if nobody caught it any more */
  wf_signals_release();
  WF_CHECK(wf_signals_caught() == 0);
  wf_signals_release();
  wf_signals_catch();
  raise(SIGTERM);
  WF_CHECK(wf_signals_caught() == SIGTERM);
  wf_signals_release();
}

int main(int argc, char **argv)
{
  int       rank, size;
  wf_teams *none = NULL;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  check_nested_signals();
  for (int n_teams = 1; n_teams <= size; n_teams++) PetscCall(check_teams(n_teams, rank, size));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  WF_CHECK(wf_teams_create(PETSC_COMM_WORLD, size + 1, &none) == PETSC_ERR_ARG_OUTOFRANGE);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%d pieces\n", N_ITEMS));
  PetscCall(PetscFinalize());
  return WF_TEST_END();
}

/* Teams of ranks and their shared counter, see teams.h. The counter is a window of eight bytes on rank 0 of the whole communicator;
   the first rank of a team adds one to it (passive target) and tells its team. */
#include <weightflow/base.h>
#include <weightflow/teams.h>

struct wf_teams {
  MPI_Comm all, team;
  int      rank, index;
  int64_t *counter; /* the window's memory; of use on rank 0 of `all` */
  MPI_Win  window;
};

static PetscErrorCode make_counter(wf_teams *t)
{
  int      rank;
  MPI_Aint size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(t->all, &rank));
  size = rank == 0 ? (MPI_Aint)sizeof(int64_t) : 0;
  PetscCallMPI(MPI_Win_allocate(size, sizeof(int64_t), MPI_INFO_NULL, t->all, &t->counter, &t->window));
  PetscCallMPI(MPI_Win_lock_all(0, t->window));
  PetscCall(wf_teams_rewind(t));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_teams_create(MPI_Comm comm, int n_teams, wf_teams **teams)
{
  wf_teams *t;
  int       rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCheck(n_teams >= 1 && n_teams <= size, comm, PETSC_ERR_ARG_OUTOFRANGE, "%d teams of %d ranks", n_teams, size);
  t = wf_calloc(1, sizeof *t);
  PetscCheck(t, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for teams");
  PetscCallMPI(MPI_Comm_dup(comm, &t->all));
  t->index = (int)((int64_t)rank * n_teams / size);
  PetscCallMPI(MPI_Comm_split(t->all, t->index, rank, &t->team));
  PetscCallMPI(MPI_Comm_rank(t->team, &t->rank));
  PetscCall(make_counter(t));
  *teams = t;
  PetscFunctionReturn(0);
}

PetscErrorCode wf_teams_destroy(wf_teams **teams)
{
  wf_teams *t = *teams;

  PetscFunctionBeginUser;
  if (!t) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Win_unlock_all(t->window));
  PetscCallMPI(MPI_Win_free(&t->window));
  PetscCallMPI(MPI_Comm_free(&t->team));
  PetscCallMPI(MPI_Comm_free(&t->all));
  wf_free(t);
  *teams = NULL;
  PetscFunctionReturn(0);
}

MPI_Comm wf_teams_comm(const wf_teams *teams) { return teams->team; }
int      wf_teams_index(const wf_teams *teams) { return teams->index; }

PetscErrorCode wf_teams_next(wf_teams *teams, int64_t n_items, int64_t *item)
{
  const int64_t one = 1;

  PetscFunctionBeginUser;
  if (teams->rank == 0) {
    PetscCallMPI(MPI_Fetch_and_op(&one, item, MPI_INT64_T, 0, 0, MPI_SUM, teams->window));
    PetscCallMPI(MPI_Win_flush(0, teams->window));
    if (*item > n_items) *item = n_items;
  }
  PetscCallMPI(MPI_Bcast(item, 1, MPI_INT64_T, 0, teams->team));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_teams_rewind(wf_teams *teams)
{
  const int64_t zero = 0;
  int64_t       before;
  int           rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(teams->all, &rank));
  PetscCallMPI(MPI_Barrier(teams->all)); /* nobody still draws from the last round */
  if (rank == 0) {
    PetscCallMPI(MPI_Fetch_and_op(&zero, &before, MPI_INT64_T, 0, 0, MPI_REPLACE, teams->window));
    PetscCallMPI(MPI_Win_flush(0, teams->window));
  }
  PetscCallMPI(MPI_Barrier(teams->all));
  PetscFunctionReturn(0);
}

/* Teams of ranks: a communicator is split into teams, which take numbered pieces of work one after the other from one shared
   counter, so that none waits while there is work. Which team gets which piece depends on the clock: results must not depend on it.

     wf_teams_create(comm, n_teams, &teams)
     while (wf_teams_next(teams, n_items, &item), item < n_items) work on `item` with wf_teams_comm(teams)
     wf_teams_destroy(&teams)
*/
#ifndef WEIGHTFLOW_TEAMS_H
#define WEIGHTFLOW_TEAMS_H
#include <petscsys.h>
#include <stdint.h>

typedef struct wf_teams wf_teams;

/* Split comm into n_teams teams of neighbouring ranks, whose sizes differ by one at most; 1 <= n_teams <= size of comm. The counter
   lies on rank 0 of comm and is fetched by one-sided communication: that rank need not come to meet the others.
   Collective on comm.  Errors: PETSC_ERR_ARG_OUTOFRANGE for another n_teams. */
PetscErrorCode wf_teams_create(MPI_Comm comm, int n_teams, wf_teams **teams);

/* Collective on comm: waits for all teams. Accepts NULL, sets NULL. */
PetscErrorCode wf_teams_destroy(wf_teams **teams);

MPI_Comm wf_teams_comm(const wf_teams *teams);  /* this rank's team; borrowed */
int      wf_teams_index(const wf_teams *teams); /* of this rank's team, 0 .. n_teams - 1 */

/* The next piece of work for this rank's team: each of 0 .. n_items - 1 is given to exactly one team, in increasing order to each;
   n_items once there is none left, as often as asked. item out, the same on all ranks of the team. Collective on the team. */
PetscErrorCode wf_teams_next(wf_teams *teams, int64_t n_items, int64_t *item);

/* Begin at piece 0 again. Collective on comm: waits for all teams. */
PetscErrorCode wf_teams_rewind(wf_teams *teams);
#endif

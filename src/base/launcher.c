/* The launcher's environment, see launcher.h. */
#include <stdlib.h>
#include <weightflow/launcher.h>

int wf_launcher_rank(void)
{
  /* Open MPI, PMIx, MPICH and its kin, srun; the first that is set is the nearest to the process */
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *text = getenv(names[i]);
    if (text && *text) return atoi(text);
  }
  return 0;
}

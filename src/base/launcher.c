/* The launcher's environment, see launcher.h. */
#include <stdio.h>
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

void wf_launcher_job(char *text, size_t size)
{
  static const char *const names[] = {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"};
  const char              *array = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
  if (size) text[0] = 0;
  if (array && *array && task && *task) {
    snprintf(text, size, "%s_%s", array, task);
    return;
  }
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = getenv(names[i]);
    if (!value || !*value) continue;
    snprintf(text, size, "%s", value);
    return;
  }
}

/* What the program that started this process tells in the environment, for those who ask before MPI is initialised. */
#ifndef WEIGHTFLOW_LAUNCHER_H
#define WEIGHTFLOW_LAUNCHER_H
#include <stddef.h>

/* This process's rank by the environment of mpiexec or srun; 0 where nothing says that there are several. Not collective. */
int wf_launcher_rank(void);
/* The batch system's name for this job (Slurm with its array, PBS, LSF, SGE) into text [size]; "" outside of one. Not
   collective. */
void wf_launcher_job(char *text, size_t size);
#endif

/* What the program that started this process tells in the environment, for those who ask before MPI is initialised. */
#ifndef WEIGHTFLOW_LAUNCHER_H
#define WEIGHTFLOW_LAUNCHER_H

/* This process's rank by the environment of mpiexec or srun; 0 where nothing says that there are several. Not collective. */
int wf_launcher_rank(void);
#endif

/* Command `version`, and the banner that every run starts with. */
#include <cblas.h>
#include <config.h>
#include <string.h>
#include <unistd.h>
#include <weightflow/real.h>
#include "io/hdf5_version.h"
#include "stages.h"

#define PRECISION (WF_REAL_IS_DOUBLE ? "double" : "single")

void wf_version_print(FILE *stream)
{
  char     mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "", hdf5[64];
  PetscInt major = 0, minor = 0, patch = 0;
  int      length;
  wf_hdf5_version(hdf5, sizeof hdf5);
  (void)MPI_Get_library_version(mpi, &length); /* allowed before MPI_Init */
  (void)PetscGetVersionNumber(&major, &minor, &patch, NULL);
  mpi[strcspn(mpi, ",\n")] = 0;
  fprintf(stream, "weightflow %s\n", PACKAGE_VERSION);
  fprintf(stream, "precision  %s\n", PRECISION);
  fprintf(stream, "compiler   %s %s\n",
#ifdef __clang__
          "clang",
#else
          "gcc",
#endif
          __VERSION__);
  fprintf(stream, "PETSc      %d.%d.%d\n", (int)major, (int)minor, (int)patch);
  fprintf(stream, "HDF5       %s\n", hdf5);
  fprintf(stream, "MPI        %s\n", mpi);
  fprintf(stream, "BLAS       %s\n", openblas_get_config());
}

PetscErrorCode wf_banner_text(MPI_Comm comm, char *text, size_t size)
{
  MPI_Comm node;
  int      n_ranks, on_node;
  long     n_cores = sysconf(_SC_NPROCESSORS_ONLN);
  struct {
    int excess, node_ranks, node_cores;
  } worst;
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &n_ranks));
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &on_node));
  PetscCallMPI(MPI_Comm_free(&node));
  /* the fullest node, told as (ranks - cores, ranks): its cores follow */
  worst.excess     = on_node - (int)n_cores;
  worst.node_ranks = on_node;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_2INT, MPI_MAXLOC, comm));
  worst.node_cores = worst.node_ranks - worst.excess;
  snprintf(text, size, "weightflow %s, %s precision, %d rank%s, %d thread%s a rank, %d cores a node", PACKAGE_VERSION, PRECISION,
           n_ranks, n_ranks > 1 ? "s" : "", openblas_get_num_threads(), openblas_get_num_threads() > 1 ? "s" : "",
           worst.node_cores);
  if (worst.excess > 0)
    snprintf(text + strlen(text), size - strlen(text),
             "\nwarning: %d ranks share %d cores on a node: they will wait for each other", worst.node_ranks, worst.node_cores);
  PetscFunctionReturn(0);
}

/* Command `digest`: what a file of a run is, and whether it still is what was written. The digest depends on the contents alone:
   equal digests of two runs mean equal results, to the bit. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "stages.h"

enum { WHY_SIZE = 4096 + 512, KIND_SIZE = 64 };

static PetscErrorCode print_one(MPI_Comm comm, const char *path, int *code)
{
  char     digest[WF_DIGEST_SIZE], kind[KIND_SIZE], why[WHY_SIZE];
  wf_file *file;
  bool     found;
  int      rank, missing;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  missing = rank == 0 && access(path, F_OK) != 0 ? errno : 0;
  PetscCallMPI(MPI_Bcast(&missing, 1, MPI_INT, 0, comm));
  if (missing) {
    if (rank == 0) fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(missing));
    if (!*code) *code = WF_EXIT_USER;
    PetscFunctionReturn(0);
  }
  PetscCall(wf_file_open(comm, path, NULL, true, &file, why, sizeof why));
  if (file) {
    PetscCall(wf_file_read_attribute_text(file, "/", "wf_digest", digest, sizeof digest, &found));
    PetscCall(wf_file_read_attribute_text(file, "/", "wf_kind", kind, sizeof kind, &found));
    PetscCall(wf_file_close(&file));
    if (rank == 0) printf("%s  %-10s  verified  %s\n", digest, kind, path);
  } else {
    if (rank == 0) fprintf(stderr, "%s\n", why);
    *code = WF_EXIT_DAMAGED;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_digest_print(MPI_Comm comm, int n, char **files, int *code)
{
  int rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (n < 1) {
    if (rank == 0) fprintf(stderr, "command line: digest: name the files whose digests are wanted\n");
    *code = WF_EXIT_USER;
  }
  for (int i = 0; i < n; i++) PetscCall(print_one(comm, files[i], code));
  if (rank == 0) fflush(stdout);
  PetscFunctionReturn(0);
}

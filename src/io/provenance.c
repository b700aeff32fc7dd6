/* Where a file comes from: attributes of /provenance, left out of the digest. Rank 0's words count, since all ranks must write
   alike. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "file_impl.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef WF_BUILD_FLAGS
#define WF_BUILD_FLAGS "unknown"
#endif

static PetscErrorCode write_from_rank_0(wf_file *file, const char *name, char *text, int size)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(text, size, MPI_CHAR, 0, file->comm));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", name, text));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_file_write_provenance(wf_file *file)
{
  char      host[256] = "", date[64] = "", petsc[256], mpi[MPI_MAX_LIBRARY_VERSION_STRING], hdf5[64];
  unsigned  major, minor, release;
  int       length;
  time_t    now = time(NULL);
  struct tm calendar;

  PetscFunctionBeginUser;
  gethostname(host, sizeof(host) - 1);
  strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &calendar));
  PetscCall(PetscGetVersion(petsc, sizeof(petsc)));
  PetscCallMPI(MPI_Get_library_version(mpi, &length));
  mpi[strcspn(mpi, ",\n")] = '\0';
  H5get_libversion(&major, &minor, &release);
  snprintf(hdf5, sizeof(hdf5), "%u.%u.%u", major, minor, release);
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "version", "weightflow " PACKAGE_VERSION));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "compiler", __VERSION__));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "flags", WF_BUILD_FLAGS));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "real", WF_REAL_NAME));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "petsc", petsc));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "hdf5", hdf5));
  PetscCall(wf_file_write_attribute_text(file, "/provenance", "mpi", mpi));
  PetscCall(wf_file_write_attribute_int(file, "/provenance", "ranks", file->size));
  PetscCall(write_from_rank_0(file, "host", host, sizeof(host)));
  PetscCall(write_from_rank_0(file, "date", date, sizeof(date)));
  PetscFunctionReturn(0);
}

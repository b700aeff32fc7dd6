/* What the program needs of io/, so that it links before io/ is there. Weak; this file goes when io/ is built. */
#include <stdarg.h>
#include <stdio.h>
#include <weightflow/base.h>
#include <weightflow/run.h>

#define WEAK __attribute__((weak))

struct wf_run {
  MPI_Comm         comm;
  const wf_params *params;
  int              code;
};

WEAK PetscErrorCode wf_run_create(MPI_Comm comm, const wf_params *params, const char *command_line, wf_mistakes *mistakes, wf_run **run)
{
  PetscFunctionBeginUser;
  *run = wf_calloc(1, sizeof **run);
  PetscCheck(*run, PETSC_COMM_SELF, PETSC_ERR_MEM, "no memory for a run");
  (*run)->comm   = comm;
  (*run)->params = params;
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_run_destroy(wf_run **run)
{
  PetscFunctionBeginUser;
  wf_free(*run);
  *run = NULL;
  PetscFunctionReturn(0);
}

WEAK int              wf_run_exit_code(const wf_run *run) { return run->code; }
WEAK const wf_params *wf_run_params(const wf_run *run) { return run->params; }

WEAK PetscErrorCode wf_run_log(wf_run *run, const char *format, ...)
{
  char    line[2048];
  va_list arguments;
  PetscFunctionBeginUser;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  PetscCall(PetscPrintf(run->comm, "%s\n", line));
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_run_fail(wf_run *run, int code, const char *format, ...)
{
  char    line[2048];
  va_list arguments;
  PetscFunctionBeginUser;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  run->code = code;
  PetscCall(PetscPrintf(run->comm, "%s\n", line));
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_file_open_foreign(MPI_Comm comm, const char *path, wf_file **file, char *why, size_t why_size)
{
  PetscFunctionBeginUser;
  *file = NULL;
  snprintf(why, why_size, "HDF5 files cannot be read yet");
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_file_has(wf_file *file, const char *name, bool *has)
{
  PetscFunctionBeginUser;
  *has = false;
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_file_shape(wf_file *file, const char *name, int *rank, int64_t *shape, wf_type *type)
{
  PetscFunctionBeginUser;
  *rank = 0;
  PetscFunctionReturn(0);
}

WEAK PetscErrorCode wf_file_close(wf_file **file)
{
  PetscFunctionBeginUser;
  *file = NULL;
  PetscFunctionReturn(0);
}

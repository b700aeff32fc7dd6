# Libraries of a parallel machine: found by pkg-config, by the variables usual on clusters, or by the compiler; then probed.

# WF_FIND_LIBRARY(PREFIX, WHAT, PKG-CONFIG NAMES, HEADER, FUNCTION, IF-NOT-FOUND)
# Set PREFIX_CFLAGS, PREFIX_LIBS and wf_PREFIX_found (where from; empty: nowhere). What the user has set wins, then each pkg-config
# name in turn ("petsc>=3.18"), then what the compiler finds without flags.
AC_DEFUN([WF_FIND_LIBRARY], [
  AC_ARG_VAR([$1_CFLAGS], [C compiler flags for $2, overriding pkg-config])
  AC_ARG_VAR([$1_LIBS], [linker flags for $2, overriding pkg-config])
  AC_MSG_CHECKING([for $2])
  wf_$1_found=
  AS_IF([test -n "${$1_CFLAGS}${$1_LIBS}"], [wf_$1_found="from $1_CFLAGS and $1_LIBS"])
  AS_IF([test -z "$wf_$1_found" && test -n "$PKG_CONFIG"], [
    for wf_name in $3; do
      wf_module=`AS_ECHO(["$wf_name"]) | $SED 's/>=.*//'`
      wf_least=`AS_ECHO(["$wf_name"]) | $SED -n 's/.*>=//p'`
      AS_IF([$PKG_CONFIG --exists --print-errors "$wf_module${wf_least:+ >= $wf_least}" >&AS_MESSAGE_LOG_FD 2>&1], [
        # A distribution's hardening flags are no business of ours: _FORTIFY_SOURCE breaks builds without optimisation.
        $1_CFLAGS=`$PKG_CONFIG --cflags "$wf_module" | $SED 's/-D_FORTIFY_SOURCE=@<:@0-9@:>@*//g; s/-Wdate-time//g; s/^ *//'`
        $1_LIBS=`$PKG_CONFIG --libs "$wf_module"`
        wf_$1_found="pkg-config $wf_module "`$PKG_CONFIG --modversion "$wf_module"`
        break
      ])
    done
  ])
  AS_IF([test -z "$wf_$1_found"], [
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$4>]], [[void (*volatile address)(void) = (void (*)(void))$5; return !address;]])],
      [wf_$1_found="by the compiler itself"])
  ])
  $6
  AS_IF([test -n "$wf_$1_found"], [AC_MSG_RESULT([$wf_$1_found])], [AC_MSG_RESULT([no])])
])

# WF_FIND_MPI: a compiler that already knows MPI (CC=mpicc, or a cluster's cc) comes first, since a second MPI must not be mixed in.
AC_DEFUN([WF_FIND_MPI], [
  wf_MPI_compiler=no
  AS_IF([test -z "$MPI_CFLAGS$MPI_LIBS"], [
    AC_MSG_CHECKING([whether $CC is an MPI compiler])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>]], [[return MPI_Initialized((int[1]){0});]])], [wf_MPI_compiler=yes])
    AC_MSG_RESULT([$wf_MPI_compiler])
  ])
  AS_IF([test "$wf_MPI_compiler" = yes], [MPI_CFLAGS= MPI_LIBS= wf_MPI_found="by the compiler $CC"], [
    WF_FIND_LIBRARY([MPI], [MPI], [ompi-c], [mpi.h], [MPI_Initialized], [
      AS_IF([test -z "$wf_MPI_found" && mpicc --showme:compile >/dev/null 2>&1], [
        MPI_CFLAGS=`mpicc --showme:compile` MPI_LIBS=`mpicc --showme:link` wf_MPI_found="from mpicc --showme"
      ])
      AS_IF([test -z "$wf_MPI_found" && mpicc -show >/dev/null 2>&1], [
        MPI_CFLAGS=`mpicc -show | tr ' ' '\n' | grep -E '^-(I|D)' | tr '\n' ' '`
        MPI_LIBS=`mpicc -show | tr ' ' '\n' | grep -E '^-(L|l|Wl,)|^/.*\.(a|so)' | tr '\n' ' '`
        wf_MPI_found="from mpicc -show"
      ])
    ])
  ])
  AS_IF([test -z "$wf_MPI_found"],
    [AC_MSG_ERROR([no MPI found: install libopenmpi-dev (Debian) or load an MPI module, or set CC=mpicc, or MPI_CFLAGS and MPI_LIBS])])
])

# WF_CHECK_PETSC: version, real numbers, double precision.
AC_DEFUN([WF_CHECK_PETSC], [
  AC_MSG_CHECKING([whether PETSc is 3.18 or newer, real and double])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <petscsys.h>
#include <petscversion.h>
#if !PETSC_VERSION_GE(3, 18, 0)
#error too old
#endif
#if defined(PETSC_USE_COMPLEX) || !defined(PETSC_USE_REAL_DOUBLE)
#error not real double
#endif]])], [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([PETSc ($wf_PETSC_found) cannot be used: 3.18 or newer with real scalars in double precision is needed. Install libpetsc-real-dev (Debian), or set PETSC_DIR and PETSC_ARCH, or PETSC_CFLAGS and PETSC_LIBS; config.log tells more])
  ])
])

# WF_CHECK_HDF5: the library is the parallel one.
AC_DEFUN([WF_CHECK_HDF5], [
  AC_MSG_CHECKING([whether HDF5 is parallel])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <hdf5.h>
#ifndef H5_HAVE_PARALLEL
#error serial HDF5
#endif]], [[return H5Pset_fapl_mpio(0, MPI_COMM_NULL, MPI_INFO_NULL) > 0;]])], [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([HDF5 ($wf_HDF5_found) is serial or cannot be linked: parallel HDF5 is needed. Install libhdf5-openmpi-dev (Debian) or load a parallel HDF5 module, then set HDF5_CFLAGS and HDF5_LIBS, or HDF5_DIR, or PKG_CONFIG_PATH; config.log tells more])
  ])
])

# WF_CHECK_ONE_LIBRARY: run a program that calls PETSc, HDF5 and MPI (without starting MPI) and look at what the loader brought in. Two
# copies of HDF5 or of MPI in one process crash late and strangely. Prints "HDF5 version, path".
AC_DEFUN([WF_CHECK_ONE_LIBRARY], [
  AC_MSG_CHECKING([whether PETSc and HDF5 share one libhdf5 and one libmpi])
  AC_RUN_IFELSE([AC_LANG_SOURCE([[
#include <dlfcn.h>
#include <hdf5.h>
#include <link.h>
#include <petscsys.h>
#include <stdio.h>
#include <string.h>

static int n_hdf5, n_mpi;
static char path[4096] = "linked into the program";

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
  const char *name = strrchr(info->dlpi_name, '/');
  name = name ? name + 1 : info->dlpi_name;
  if (!strncmp(name, "libhdf5", 7) && !strstr(name, "_hl") && !strstr(name, "_cpp") && !strstr(name, "_fortran")) {
    n_hdf5++;
    snprintf(path, sizeof path, "%s", info->dlpi_name);
  }
  if (!strncmp(name, "libmpi.so", 9) || !strncmp(name, "libmpich.so", 11)) n_mpi++;
  return 0;
}

int main(void)
{
  unsigned    major, minor, release;
  PetscBool   begun;
  FILE       *result = fopen("conftest.hdf5", "w");
  Dl_info     home;

  if (!result || PetscInitialized(&begun) || H5get_libversion(&major, &minor, &release)) return 2;
  dl_iterate_phdr(look_at, NULL);
  fprintf(result, "%u.%u.%u, %s\n", major, minor, release, path);
  fclose(result);
  if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR || release != H5_VERS_RELEASE) return 3;
  void *symbol = dlsym(RTLD_DEFAULT, "H5open");
  if (n_hdf5 == 1 && symbol && dladdr(symbol, &home) && strcmp(home.dli_fname, path)) return 4;
  return n_hdf5 > 1 ? 4 : n_mpi > 1 ? 5 : 0;
}]])],
    [wf_hdf5_home=`cat conftest.hdf5`; AC_MSG_RESULT([yes: $wf_hdf5_home])],
    [wf_code=$?; wf_hdf5_home=`cat conftest.hdf5 2>/dev/null`
     AC_MSG_RESULT([no])
     AS_CASE([$wf_code],
       [3], [AC_MSG_ERROR([hdf5.h and the library found at run time ($wf_hdf5_home) are of different versions: set HDF5_CFLAGS and HDF5_LIBS to one installation, and see LD_LIBRARY_PATH])],
       [4], [AC_MSG_ERROR([PETSc and this program would load two copies of HDF5 (one: $wf_hdf5_home): set HDF5_CFLAGS and HDF5_LIBS to the HDF5 that PETSc was built with])],
       [5], [AC_MSG_ERROR([two MPI libraries would be loaded: set MPI_CFLAGS and MPI_LIBS (or CC=mpicc) to the MPI that PETSc and HDF5 were built with])],
       [AC_MSG_ERROR([a program with PETSc, HDF5 and MPI cannot be linked or run: see config.log; on a cluster, load the modules of all three and set LD_LIBRARY_PATH, or PETSC_LIBS, HDF5_LIBS and MPI_LIBS])])],
    [wf_hdf5_home="not checked (cross-compiling)"; AC_MSG_RESULT([$wf_hdf5_home])])
  rm -f conftest.hdf5
])

# WF_CHECK_LINK(PREFIX, HEADER, CALL, PACKAGE): a program with CALL can be linked with what was found for PREFIX.
AC_DEFUN([WF_CHECK_LINK], [
  AC_MSG_CHECKING([whether $1 can be linked])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$2>]], [[$3;]])], [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([$1 ($wf_$1_found): $2 or its library cannot be used: install $4 (Debian), or set $1_CFLAGS and $1_LIBS; config.log tells more])
  ])
])

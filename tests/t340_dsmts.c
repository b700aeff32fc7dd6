/* The stochastic cases of the SBML Test Suite that are at hand, in Level 2 and in Level 3: t340_dsmts [trajectories, 1000]. */
#include "conformance.h"

enum { N_CASES = 20 };

/* One line of results: "t,X-mean,Y-mean,X-sd,Y-sd", in the order that the first line gives. */
static bool read_results(const char *path, conformance_table *table)
{
  char  line[512];
  FILE *file   = fopen(path, "r");
  int   is_sd[2 * CONFORMANCE_VARIABLES], variable[2 * CONFORMANCE_VARIABLES], n_columns = 0, k = 0;
  *table       = (conformance_table){0};
  if (!file || !fgets(line, sizeof line, file)) return false;
  strtok(line, ",");
  for (char *word; n_columns < 2 * CONFORMANCE_VARIABLES && (word = strtok(NULL, ",\r\n")); n_columns++) {
    char *dash = strrchr(word, '-');
    int   v    = 0;
    if (!dash) return false;
    is_sd[n_columns] = !strcmp(dash, "-sd");
    *dash            = 0;
    while (v < table->n_variables && strcmp(table->name[v], word)) v++;
    if (v == table->n_variables) snprintf(table->name[table->n_variables++], sizeof table->name[0], "%.31s", word);
    variable[n_columns] = v;
  }
  while (k < CONFORMANCE_TIMES && fgets(line, sizeof line, file)) {
    if (atoi(strtok(line, ",")) != k) break;
    for (int c = 0; c < n_columns; c++) {
      const char *word = strtok(NULL, ",\r\n");
      *(is_sd[c] ? &table->sd[variable[c]][k] : &table->mean[variable[c]][k]) = word ? atof(word) : NAN;
    }
    k++;
  }
  fclose(file);
  return n_columns && k == CONFORMANCE_TIMES;
}

/* The check must be able to fail: means that are off by one standard error of n trajectories' mean times five are seen. */
static void check_that_it_can_fail(const wf_network *network, const conformance_table *table, int n)
{
  conformance_table *wrong  = wf_calloc(1, sizeof *wrong);
  int                before = checks_failed;
  *wrong                    = *table;
  for (int k = 1; k < CONFORMANCE_TIMES; k++) wrong->mean[0][k] += 5 * table->sd[0][k] / sqrt(n);
  WF_CHECK(!conformance_agrees("(wrong on purpose)", network, WF_SSA_AUTO, n, wrong) && checks_failed == before);
  wf_free(wrong);
}

int main(int argc, char **argv)
{
  const int          n     = argc > 1 ? atoi(argv[1]) : 1000;
  conformance_table *table = wf_calloc(1, sizeof *table);
  char               folder[3000], path[4096];
  const char        *levels[2] = {"sbml-l3v1", "sbml-l2v4"};
  snprintf(folder, sizeof folder, "%.2900s", test_data("dsmts/00001/00001-results.csv"));
  *strstr(folder, "00001/00001-results.csv") = 0;
  for (int i = 1; i <= N_CASES; i++) {
    snprintf(path, sizeof path, "%s%05d/%05d-results.csv", folder, i, i);
    WF_CHECK(read_results(path, table), "%s cannot be read", path);
    for (int l = 0; l < 2; l++) {
      snprintf(path, sizeof path, "%s%05d/%05d-%s.xml", folder, i, i, levels[l]);
      wf_network *network = wf_sbml_read(path, "", conformance_report, path);
      char        what[64];
      if (!network) continue;
      snprintf(what, sizeof what, "%05d %s", i, levels[l]);
      WF_CHECK(conformance_agrees(what, network, WF_SSA_AUTO, n, table), "%s", path);
      if (i == 1 && !l) check_that_it_can_fail(network, table, n);
      wf_network_destroy(&network);
    }
  }
  wf_free(table);
  return WF_TEST_END();
}

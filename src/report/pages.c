/* report.txt and report.html. */
#include <math.h>
#include <string.h>
#include "report_impl.h"

static void print_facts(const wf_report *r, FILE *stream, const char *prefix, const char *separator, const char *suffix)
{
  const wf_anchors *a = r->anchors;
  fprintf(stream, "%sdata%s%d %strajectories, %d times, %d species%s", prefix, separator, r->data->n_traj,
          r->held_out ? "held-out " : "", r->data->n_time, r->data->n_species, suffix);
  fprintf(stream, "%sanchors%s%d snapshots, times %.6g..%.6g, %d weights each, %d count values%s", prefix, separator, a->n_obs,
          a->times[0], a->times[a->n_obs - 1], a->n_param, r->n_levels, suffix);
  if (r->n_history)
    fprintf(stream, "%straining%s%d iterations, last %s %.4g%s", prefix, separator, r->n_history, r->columns[r->n_columns - 1],
            r->history[(size_t)r->n_history * (size_t)r->n_columns - 1], suffix);
  fprintf(stream, "%sscored%s%d times, %.6g..%.6g%s", prefix, separator, r->n_scored, r->n_scored ? r->score_times[0] : 0,
          r->n_scored ? r->score_times[r->n_scored - 1] : 0, suffix);
  fprintf(stream, "%sseed%s%lld%s", prefix, separator, (long long)wf_run_seed(r->run), suffix);
}

/* "0.1158 +- 0.0004", or a dash. */
static void print_cell(char *text, size_t size, const wf_report *r, const char *method, const char *metric, const char *range,
                       const char *between)
{
  double mean, sd;
  int    n;
  if (!wf_report_summary(r, method, metric, range, &mean, &sd, &n))
    snprintf(text, size, "-");
  else if (n > 1)
    snprintf(text, size, "%.4f %s %.4f", mean, between, sd);
  else
    snprintf(text, size, "%.4f", mean);
}

void wf_report_print_text(const wf_report *r, const bool *drawn, FILE *stream)
{
  int                     n_figures;
  const wf_report_figure *figures = wf_report_figures(&n_figures);
  char                    cell[80];
  fprintf(stream, "WeightFlow report\n\n");
  print_facts(r, stream, "  ", ": ", "\n");
  for (int k = 0; k < r->n_metrics; k++) {
    fprintf(stream, "\n%s (mean over times +- standard deviation over repeats)\n  %-22s", r->metrics[k], "");
    for (int c = 0; c < r->n_ranges; c++) fprintf(stream, " %-18s", r->ranges[c]);
    fprintf(stream, "\n");
    for (int m = 0; m < r->n_methods; m++) {
      print_cell(cell, sizeof cell, r, r->methods[m], r->metrics[k], r->ranges[0], "+-");
      if (!strcmp(cell, "-")) continue;
      fprintf(stream, "  %-22s", r->methods[m]);
      for (int c = 0; c < r->n_ranges; c++) {
        print_cell(cell, sizeof cell, r, r->methods[m], r->metrics[k], r->ranges[c], "+-");
        fprintf(stream, " %-18s", cell);
      }
      fprintf(stream, "\n");
    }
  }
  fprintf(stream, "\nMethods\n");
  for (int m = 0; m < r->n_methods; m++) fprintf(stream, "  %-22s %s\n", r->methods[m], r->notes[m]);
  if (!r->held_out)
    fprintf(stream, "\nNothing is held out: mixture and displacement are made of the very trajectories they are scored on, which "
                    "flatters them.\n");
  fprintf(stream, "\nfirst: times inside the first observed interval; rest: the others.\n");
  for (int i = 0; i < n_figures; i++)
    if (drawn[i]) fprintf(stream, "%s.svg: %s\n", figures[i].name, figures[i].caption);
}

static void print_main_table(const wf_report *r, FILE *stream)
{
  const char *const shown[2] = {"W1", "JSD"};
  char              cell[80];
  fprintf(stream,
          "<h2>Scores</h2>\n<p>Mean over times &plusmn; standard deviation over repeats. <i>first</i>: times inside the first "
          "observed interval; "
          "<i>rest</i>: the others. Lower is better; the last two rows are noise floors.%s</p>\n<table>\n<tr><th></th>",
          r->held_out ? ""
                      : " Nothing is held out: mixture and displacement are made of the very trajectories they are scored on, "
                        "which flatters them.");
  for (int k = 0; k < 2; k++)
    for (int c = 0; c < r->n_ranges; c++) fprintf(stream, "<th>%s %s</th>", shown[k], r->ranges[c]);
  fprintf(stream, "<th></th></tr>\n");
  for (int m = 0; m < r->n_methods; m++) {
    fprintf(stream, "<tr%s><th>", strcmp(r->methods[m], "hypernetwork") ? "" : " class=\"ours\"");
    wf_print_html(stream, r->methods[m]);
    fprintf(stream, "</th>");
    for (int k = 0; k < 2; k++)
      for (int c = 0; c < r->n_ranges; c++) {
        print_cell(cell, sizeof cell, r, r->methods[m], shown[k], r->ranges[c], "&plusmn;");
        fprintf(stream, "<td>%s</td>", cell);
      }
    fprintf(stream, "<td class=\"note\">");
    wf_print_html(stream, r->notes[m]);
    fprintf(stream, "</td></tr>\n");
  }
  fprintf(stream, "</table>\n");
}

static void print_other_table(const wf_report *r, FILE *stream)
{
  char cell[80];
  fprintf(stream, "<h2>Other scores, all times</h2>\n<table>\n<tr><th></th>");
  for (int k = 0; k < r->n_metrics; k++)
    if (strcmp(r->metrics[k], "W1") && strcmp(r->metrics[k], "JSD")) {
      fprintf(stream, "<th>");
      wf_print_html(stream, r->metrics[k]);
      fprintf(stream, "</th>");
    }
  fprintf(stream, "</tr>\n");
  for (int m = 0; m < r->n_methods; m++) {
    fprintf(stream, "<tr><th>");
    wf_print_html(stream, r->methods[m]);
    fprintf(stream, "</th>");
    for (int k = 0; k < r->n_metrics; k++)
      if (strcmp(r->metrics[k], "W1") && strcmp(r->metrics[k], "JSD")) {
        print_cell(cell, sizeof cell, r, r->methods[m], r->metrics[k], "all", "&plusmn;");
        fprintf(stream, "<td>%s</td>", cell);
      }
    fprintf(stream, "</tr>\n");
  }
  fprintf(stream,
          "</table>\n<p class=\"note\">count_w: one-dimensional Wasserstein distance in counts, mean over species. joint_w1: "
          "Wasserstein distance of joint "
          "states. *_error: mean absolute error over species. nll: mean negative log-density of the data, nats per species.</p>\n");
}

void wf_report_print_html(const wf_report *r, const bool *drawn, FILE *stream)
{
  int                     n_figures;
  const wf_report_figure *figures = wf_report_figures(&n_figures);
  fprintf(stream,
          "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>WeightFlow report</title>\n<style>\n"
          "body{font:15px/1.5 sans-serif;max-width:1300px;margin:2em auto;padding:0 1em;color:#222}\n"
          "table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}\n"
          "th,td{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}\n"
          "th:first-child,td.note{text-align:left}.note{color:#666;font-size:90%%}tr.ours{background:#eaf3fa}\n"
          "figure{margin:2em 0}img{max-width:100%%}figcaption{color:#444}dt{float:left;width:6em;color:#666}dd{margin-left:6em}\n"
          "</style></head><body>\n<h1>WeightFlow report</h1>\n<dl>\n");
  print_facts(r, stream, "<dt>", "</dt><dd>", "</dd>\n");
  fprintf(stream, "</dl>\n");
  print_main_table(r, stream);
  for (int i = 0; i < n_figures; i++)
    if (drawn[i]) {
      fprintf(stream,
              "<figure><img src=\"%s.svg\" alt=\"%s\"><figcaption>%s Data: <a href=\"%s.tsv\">%s.tsv</a>, script: <a "
              "href=\"%s.gp\">%s.gp</a>.</figcaption></figure>\n",
              figures[i].name, figures[i].name, figures[i].caption, figures[i].name, figures[i].name, figures[i].name,
              figures[i].name);
    }
  print_other_table(r, stream);
  fprintf(stream, "</body></html>\n");
}

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
  fprintf(stream, "%sprogram%s%s%s", prefix, separator, r->version, suffix);
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
  fprintf(stream, "\n");
  if (r->truth[0]) fprintf(stream, "%s.\n", r->truth);
  if (r->noise[0]) fprintf(stream, "%s.\n", r->noise);
  if (r->origin[0]) fprintf(stream, "model: imported, %s\n", r->origin);
  fprintf(stream, "first: times inside the first observed interval; rest: the others.\n");
  for (int i = 0; i < n_figures; i++)
    if (drawn[i]) fprintf(stream, "%s.svg: %s\n", figures[i].name, figures[i].caption);
  fprintf(stream, "\nMade from\n");
  for (int i = 0; i < 5; i++) fprintf(stream, "  %-22s digest %s\n", r->products[i].path, r->products[i].digest);
  fprintf(stream, "Made by the command\n  %s\n", r->products[4].command);
}

/* "word: text" as a paragraph with the word set off. */
static void print_sentence(FILE *stream, const char *text)
{
  size_t word = strcspn(text, ":");
  if (!text[0]) return;
  fprintf(stream, "<p><b>%.*s</b>", (int)word, text);
  wf_print_html(stream, text + word);
  fprintf(stream, ".</p>\n");
}

static void print_main_table(const wf_report *r, FILE *stream)
{
  const char *const shown[2] = {"W1", "JSD"};
  char              cell[80];
  fprintf(stream,
          "<h2>Scores</h2>\n<p>How far each method's densities are from the data: mean over times &plusmn; standard deviation "
          "over repeats. <i>first</i>: times inside the first observed interval; <i>rest</i>: the others. Lower is better. The "
          "last two rows are noise floors: what the data themselves score.</p>\n");
  print_sentence(stream, r->truth);
  print_sentence(stream, r->noise);
  fprintf(stream, "<table>\n<tr><th></th>");
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

/* Where the numbers come from, and how to have them again. */
static void print_provenance(const wf_report *r, FILE *stream)
{
  fprintf(stream,
          "<h2>Provenance</h2>\n<table>\n<tr><th>made from</th><th class=\"left\">digest</th><th>ranks</th><th>date</th><th "
          "class=\"left\">command</th></tr>\n");
  for (int i = 0; i < 5; i++) {
    fprintf(stream, "<tr><th>%s</th><td class=\"left\"><code>%s</code></td><td>%lld</td><td>%s</td><td class=\"left wide\"><code>",
            r->products[i].path, r->products[i].digest, (long long)r->products[i].ranks, r->products[i].date);
    wf_print_html(stream, r->products[i].command);
    fprintf(stream, "</code></td></tr>\n");
  }
  fprintf(stream, "</table>\n");
  if (r->origin[0]) {
    fprintf(stream, "<p>The model was not fitted here but imported: ");
    wf_print_html(stream, r->origin);
    fprintf(stream, "</p>\n");
  }
  fprintf(stream,
          "<h2>Reproduce</h2>\n<p>All parameters are in <a href=\"../used_parameters.yaml\">used_parameters.yaml</a> beside this "
          "folder "
          "(options <code>-wf_...</code> of the commands above come on top), the messages in <a href=\"../run.log\">run.log</a>. "
          "The same parameters and input files give the same digests on any number of "
          "ranks:</p>\n<pre>mpiexec -n 2 weightflow run used_parameters.yaml -out ANOTHER_FOLDER</pre>\n<p>All numbers of this "
          "page, time "
          "by time, are in evaluate/metrics.h5; the table's are in <a href=\"../evaluate/metrics.tsv\">metrics.tsv</a>, and as "
          "text in <a "
          "href=\"report.txt\">report.txt</a>. Each figure is drawn again by <code>gnuplot NAME.gp</code> in this folder.</p>\n");
}

void wf_report_print_html(const wf_report *r, const bool *drawn, FILE *stream)
{
  int                     n_figures;
  const wf_report_figure *figures = wf_report_figures(&n_figures);
  fprintf(
      stream,
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>WeightFlow report</title>\n<style>\n"
      "body{font:15px/1.5 sans-serif;max-width:1300px;margin:2em auto;padding:0 1em;color:#222}\n"
      "table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}\n"
      "th,td{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}\n"
      "th:first-child,td.note{text-align:left}.note{color:#666;font-size:90%%}th,td.left,th.left{font-weight:normal}tr:first-child "
      "th{font-weight:bold}\n"
      "td.left,th.left{text-align:left}td.wide{white-space:normal;min-width:24em;overflow-wrap:anywhere}code,pre{font-size:90%%}\n"
      "pre{background:#f4f4f4;padding:.6em}h2{margin-top:2em;font-size:125%%}tr.ours{background:#eaf3fa}\n"
      "figure{margin:2em 0}img{max-width:100%%}figcaption{color:#444}dt{float:left;width:6em;color:#666}dd{margin-left:6em}\n"
      "</style></head><body>\n<h1>WeightFlow report</h1>\n<dl>\n");
  print_facts(r, stream, "<dt>", "</dt><dd>", "</dd>\n");
  fprintf(stream, "</dl>\n");
  print_main_table(r, stream);
  for (int i = 0; i < n_figures; i++)
    if (drawn[i]) {
      fprintf(stream,
              "<figure><h2>%s</h2>\n<img src=\"%s.svg\" alt=\"%s\"><figcaption>%s Data: <a href=\"%s.tsv\">%s.tsv</a>, script: <a "
              "href=\"%s.gp\">%s.gp</a>.</figcaption></figure>\n",
              figures[i].title, figures[i].name, figures[i].title, figures[i].caption, figures[i].name, figures[i].name,
              figures[i].name, figures[i].name);
    }
  print_other_table(r, stream);
  print_provenance(r, stream);
  fprintf(stream, "</body></html>\n");
}

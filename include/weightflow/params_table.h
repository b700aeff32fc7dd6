/* The one table of parameters. Everything about a parameter is said here once; the struct, the parsing of YAML and command
   line, --help, the manual page, used_parameters.yaml and the HDF5 attributes are made from it.

   P(group, name, type, default, minimum, maximum, choices or NULL, unit, restart, help)
     type     INT int64_t | REAL double | BOOL bool | CHOICE, TEXT, PATH, INDICES char[WF_PARAM_TEXT_SIZE]
              INDICES: a list such as "0:100:10" (first:last:stride), "0,5,9" or "all"
     restart  FIXED: results depend on it, so a resumed run must have the same value; FREE: may change (cadence, output folder);
              COMMAND: read by a command that is no stage, free to change, and left out of files of parameters
   YAML `group: {name: value}` = option `-group_name value` = member `params.group.name`; the group `run` has no prefix on the
   command line for the names `out` and `seed`. */
#ifndef WEIGHTFLOW_PARAMS_TABLE_H
#define WEIGHTFLOW_PARAMS_TABLE_H

#define WF_PARAMS_RUN(P)                                                                                                       \
  P(run, out, PATH, "outputs/run", 0, 0, NULL, "", FREE, "run folder; made if missing")                                        \
  P(run, seed, INT, 1, 0, 9007199254740992, NULL, "", FIXED, "seed of every random number of the run")                         \
  P(run, stop_minutes, REAL, 0, 0, 1e9, NULL, "min", FREE, "stop cleanly with a checkpoint after this time; 0: never")        \
  P(run, checkpoint_minutes, REAL, 5, 0, 1e9, NULL, "min", FREE, "wall-clock time between checkpoints; 0: at every step")     \
  P(run, dry_run, BOOL, false, 0, 0, NULL, "", FREE, "check parameters, files and folders, then stop")                         \
  P(run, force, BOOL, false, 0, 0, NULL, "", FREE, "redo the asked stages even where they are complete")                      \
  P(run, teams, INT, 1, 1, 1e6, NULL, "", COMMAND, "of sweep: teams that the ranks are split into, each at one run at a time")

#define WF_PARAMS_DATA(P)                                                                                                      \
  P(data, file, PATH, "", 0, 0, NULL, "", FIXED, "ensemble to import (.npy or .h5) in place of simulating; empty: simulate")   \
  P(data, times, PATH, "", 0, 0, NULL, "", FIXED, "times of an .npy ensemble: first:step, or an .npy/text file; empty: 0:1")   \
  P(data, species, TEXT, "", 0, 0, NULL, "", FIXED, "comma-separated names of the species; empty: from the file, or x1,x2,...")\
  P(data, observed, INDICES, "0:100:10", 0, 0, NULL, "time index", FIXED, "snapshots that are trained on")                     \
  P(data, evaluated, INDICES, "1:100:1", 0, 0, NULL, "time index", FIXED, "snapshots that are scored")                         \
  P(data, holdout, REAL, 0, 0, 0.9, NULL, "share", FIXED, "share of trajectories kept from training and scored on; 0: none")

#define WF_PARAMS_SIMULATE(P)                                                                                                  \
  P(simulate, model, PATH, "", 0, 0, NULL, "", FIXED, "model in SBML, in place of the built-in system; empty: the system")     \
  P(simulate, system, CHOICE, "epidemic", 0, 0,                                                                                \
    "epidemic|toggle_switch|signalling_cascade_1|signalling_cascade_2|ecological_evolution", "", FIXED, "built-in model")      \
  P(simulate, algorithm, CHOICE, "auto", 0, 0, "auto|direct|next_reaction|composition_rejection|tau_leaping", "", FIXED,       \
    "method; auto: an exact one, the fastest for the model; tau_leaping is approximate")                                       \
  P(simulate, rate, CHOICE, "exact", 0, 0, "exact|frozen", "", FIXED,                                                          \
    "time-dependent rates: exact by thinning, or frozen at the last event as in the published ensembles")                      \
  P(simulate, tau_error, REAL, 0.03, 1e-6, 1, NULL, "", FIXED, "epsilon of tau-leaping: largest relative change of a propensity")\
  P(simulate, trajectories, INT, 1000, 1, 4294967295, NULL, "", FIXED, "number of trajectories, below 2^32")                   \
  P(simulate, t_end, REAL, 50, 0, 1e12, NULL, "time", FIXED, "last sampled time")                                              \
  P(simulate, samples, INT, 101, 2, 1e6, NULL, "", FIXED, "number of equally spaced sample times, both ends included")         \
  P(simulate, record, TEXT, "", 0, 0, NULL, "", FIXED, "what is put out, in this order, comma separated; empty: all species")      \
  P(simulate, output, CHOICE, "grid", 0, 0, "grid|events", "", FIXED, "events: every jump of each trajectory besides the samples")\
  P(simulate, store, CHOICE, "grid", 0, 0, "none|grid|final", "", FIXED,                                                       \
    "samples kept of each trajectory: all (later stages need them), at the last time only, or none")                           \
  P(simulate, statistics, BOOL, true, 0, 0, NULL, "", FIXED, "moments, quantiles and histograms over the ensemble, at each time")\
  P(simulate, quantiles, TEXT, "0.05,0.25,0.5,0.75,0.95", 0, 0, NULL, "share", FIXED, "which quantiles; empty: none")          \
  P(simulate, histogram, INT, 255, 0, 1e6, NULL, "count", FIXED,                                                               \
    "largest count with a bin of its own; beyond, bins get wider by powers of two; 0: no histograms")

#define WF_PARAMS_PRETRAIN(P)                                                                                                  \
  P(pretrain, backbone, CHOICE, "gru", 0, 0, "gru", "", FIXED, "autoregressive network")                                       \
  P(pretrain, head, CHOICE, "categorical", 0, 0, "categorical", "", FIXED, "distribution of each coordinate")                  \
  P(pretrain, levels, INT, 0, 0, 65536, NULL, "", FIXED, "number of count values; 0: largest count in the data + 1")           \
  P(pretrain, hidden, INT, 8, 1, 4096, NULL, "", FIXED, "width of the recurrent state")                                        \
  P(pretrain, layers, INT, 1, 1, 16, NULL, "", FIXED, "number of recurrent layers")                                            \
  P(pretrain, epochs_first, INT, 50, 1, 1e6, NULL, "", FIXED, "passes over a snapshot that starts from random weights")        \
  P(pretrain, epochs, INT, 25, 1, 1e6, NULL, "", FIXED, "passes over a snapshot that starts from a neighbour's weights")       \
  P(pretrain, batch, INT, 64, 1, 1e6, NULL, "", FIXED, "samples a step")                                                       \
  P(pretrain, learning_rate, REAL, 0.01, 1e-12, 10, NULL, "", FIXED, "AdamW step size")                                        \
  P(pretrain, weight_decay, REAL, 0.01, 0, 10, NULL, "", FIXED, "AdamW decoupled weight decay")                                \
  P(pretrain, schedule, CHOICE, "constant", 0, 0, "constant|cosine", "", FIXED, "step size over the passes of one snapshot")   \
  P(pretrain, aligning, CHOICE, "sequential", 0, 0, "sequential|tree|none", "", FIXED,                                         \
    "start of a snapshot's weights: the snapshot before, a bisection of the times, or random")

#define WF_PARAMS_TRAIN(P)                                                                                                     \
  P(train, equation, CHOICE, "cde", 0, 0, "cde|ode", "", FIXED, "dtheta = g dZ (controlled) or dtheta = g dt")                 \
  P(train, path, CHOICE, "autoencoder", 0, 0, "autoencoder|pca", "", FIXED, "how anchors are reduced to the control path Z")   \
  P(train, z_dim, INT, 1, 1, 64, NULL, "", FIXED, "dimension of the control path without time")                               \
  P(train, path_steps, INT, 2000, 1, 1e7, NULL, "", FIXED, "Adam steps of the autoencoder")                                    \
  P(train, time_channel, BOOL, true, 0, 0, NULL, "", FIXED, "time as a further channel of Z (Kidger et al. 2020)")             \
  P(train, clocks, INT, 0, 0, 1e4, NULL, "", FIXED, "local clocks that the time channel is split into; 0: one a snapshot")     \
  P(train, start, CHOICE, "interpolant", 0, 0, "interpolant|random", "", FIXED,                                                \
    "untrained field: the natural spline through the anchors, or random")                                                      \
  P(train, optimiser, CHOICE, "tao", 0, 0, "adamw|tao", "", FIXED, "AdamW, or PETSc TAO (-wf_tao_type, default lmvm)")         \
  P(train, memory, INT, 25, 1, 1000, NULL, "steps", FIXED, "quasi-Newton pairs that tao remembers")                            \
  P(train, chunk, INT, 100, 1, 1e6, NULL, "iterations", FIXED, "tao starts its memory anew after so many; checkpoints lie between")\
  P(train, iterations, INT, 200, 0, 1e8, NULL, "", FIXED, "optimiser iterations")                                              \
  P(train, learning_rate, REAL, 1e-3, 1e-12, 10, NULL, "", FIXED, "AdamW step size")                                           \
  P(train, weight_decay, REAL, 1e-4, 0, 10, NULL, "", FIXED, "AdamW decoupled weight decay")                                   \
  P(train, dropout, REAL, 0, 0, 0.9, NULL, "share", FIXED, "dropout in the hypernetwork's encoder while training")             \
  P(train, loss, CHOICE, "both", 0, 0, "weights|nll|both", "", FIXED,                                                          \
    "distance to the anchors, negative log-likelihood of the targets, or their sum")                                           \
  P(train, targets, CHOICE, "auto", 0, 0, "none|mixture|displacement|bridge|auto", "", FIXED,                                  \
    "samples between snapshots for the likelihood; auto: what foretells left-out snapshots best; none: at snapshots only")     \
  P(train, targets_between, INT, 3, 0, 1000, NULL, "", FIXED, "target times inside an interval")                               \
  P(train, schedule, CHOICE, "cosine", 0, 0, "constant|cosine", "", FIXED, "AdamW step size over the iterations")              \
  P(train, horizon, INT, 0, 0, 1e6, NULL, "intervals", FIXED, "longest window; 0: to the last snapshot")                       \
  P(train, energy_weight, REAL, 1e-6, 0, 1e6, NULL, "", FIXED, "lambda of the path energy")                                    \
  P(train, steps_per_interval, INT, 4, 1, 1e4, NULL, "", FIXED, "time steps between neighbouring snapshots")                   \
  P(train, time_convention, CHOICE, "absolute", 0, 0, "absolute|published", "", FIXED,                                         \
    "absolute time, or the public code's: windows start at time 0 and time is divided by n_time + 1")

#define WF_PARAMS_PREDICT(P)                                                                                                   \
  P(predict, times, TEXT, "all", 0, 0, NULL, "time", FIXED, "times: all (those of the ensemble), first:last:step, or a list")  \
  P(predict, steps_per_interval, INT, 10, 1, 1e6, NULL, "", FIXED, "time steps between neighbouring snapshots")                \
  P(predict, samples, INT, 1000, 0, 1e8, NULL, "", FIXED, "samples of the density at each time")                               \
  P(predict, states, PATH, "", 0, 0, NULL, "", FIXED, "states whose log-density is wanted, .npy or .h5; empty: none")          \
  P(predict, tails, TEXT, "", 0, 0, NULL, "counts", FIXED, "thresholds c of P(x_i >= c), comma separated; empty: none")        \
  P(predict, exact_limit, INT, 2000000, 0, 1e12, NULL, "states", FIXED, "largest tree of states for exact marginals")

#define WF_PARAMS_EVALUATE(P)                                                                                                  \
  P(evaluate, samples, INT, 1000, 2, 1e8, NULL, "", FIXED, "samples of the model at each time, a seed")                        \
  P(evaluate, repeats, INT, 10, 1, 1e6, NULL, "", FIXED, "sampling seeds that the sampled metrics are averaged over")          \
  P(evaluate, joint_samples, INT, 200, 2, 1e5, NULL, "", FIXED, "points a side of the joint-state Wasserstein distance")

#define WF_PARAMS_REPORT(P)                                                                                                    \
  P(report, figures, BOOL, true, 0, 0, NULL, "", FREE, "draw figures (needs gnuplot)")                                         \
  P(report, times, INDICES, "", 0, 0, NULL, "time index", FREE, "times of the density figure; empty: six, spread")

#define WF_PARAMS_SWEEP(P)                                                                                                     \
  P(sweep, seeds, TEXT, "", 0, 0, NULL, "", COMMAND, "seeds such as 0-31 or 1,5,9-12; empty: run.seed")                        \
  P(sweep, options, PATH, "", 0, 0, NULL, "", COMMAND,                                                                         \
    "table, names such as train.learning_rate above a row of values for each run; empty: none")

#define WF_PARAMS_COLLECT(P)                                                                                                   \
  P(collect, swept, TEXT, "", 0, 0, NULL, "", COMMAND,                                                                         \
    "parameters that may differ between runs, comma separated: runs are grouped by their values")                             \
  P(collect, force, BOOL, false, 0, 0, NULL, "", COMMAND, "collect runs of different programs or parameters all the same")

#define WF_PARAMS_ALL(P)                                                                                                       \
  WF_PARAMS_RUN(P) WF_PARAMS_DATA(P) WF_PARAMS_SIMULATE(P) WF_PARAMS_PRETRAIN(P) WF_PARAMS_TRAIN(P) WF_PARAMS_PREDICT(P)       \
  WF_PARAMS_EVALUATE(P) WF_PARAMS_REPORT(P) WF_PARAMS_SWEEP(P) WF_PARAMS_COLLECT(P)
#endif

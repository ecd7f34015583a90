// SPDX-License-Identifier: Apache-2.0
// The options of `landscape`, part of the one table.
#include "option_tables.hpp"

namespace overparam::study {

using enum OptionType;

std::vector<Option> landscape_options() {
  return {
      {.key = "landscape.at",
       .flag = "--at",
       .fallback = "all",
       .help =
           "points of the run: all (but its start), last, or names such as 5,40 (epochs), start, "
           "end"},
      {.key = "landscape.axes",
       .flag = "--axes",
       .fallback = "gradient,negative",
       .help = "one axis or two: gradient, negative (most negative curvature), top, top2, random, "
               "random2 (filters normalised), pca, pca2, to:POINT, file:PATH.npy"},
      {.key = "landscape.grid",
       .flag = "--grid",
       .fallback = "25",
       .help = "points a side, such as 25 or 25x41"},
      {.key = "landscape.range",
       .flag = "--range",
       .fallback = "auto",
       .help = "auto (2.5 best steps along the gradient; -0.25:1.25 of the way to a point; 1 of "
               "random axes; 1.1 of the path's reach along pca), R for -R:R, or LOW:HIGH,LOW:HIGH"},
      {.key = "landscape.samples",
       .flag = "--subset",
       .type = integer,
       .fallback = "1000",
       .help = "training samples that the objective is taken over, the first ones (0: all)",
       .low = 0},
      {.key = "landscape.held_out",
       .flag = "--held-out",
       .type = integer,
       .fallback = "1000",
       .help = "further training samples, on which curvature is measured again",
       .low = 0},
      {.key = "landscape.norms",
       .flag = "--norms",
       .fallback = "running",
       .help =
           "means and variances of batch normalisation: as gathered in training, of each batch, "
           "or estimated anew at each point",
       .choices = {"running", "batch", "reestimated"}},
      {.key = "landscape.product",
       .flag = "--product",
       .fallback = "difference",
       .help =
           "products with the Hessian: differences of gradients, the same smoothed by noise, or "
           "differentiating twice (wrong where there are kinks)",
       .choices = {"difference", "smoothed", "autograd"}},
      {.key = "landscape.difference",
       .flag = "--difference",
       .type = number,
       .fallback = "0.001",
       .help = "step of the differences, as a share of the norm of the weights",
       .low = 0},
      {.key = "landscape.sigma",
       .flag = "--sigma",
       .type = number,
       .fallback = "0.003",
       .help = "smoothed: noise of each filter, as a share of its norm",
       .low = 0},
      {.key = "landscape.draws",
       .flag = "--draws",
       .type = integer,
       .fallback = "8",
       .help = "smoothed: draws of the noise",
       .low = 1},
      {.key = "landscape.direction",
       .flag = "--direction",
       .fallback = "lanczos",
       .help = "how directions of curvature are found: Lanczos, Oja's method, or Neon2 online or "
               "deterministic",
       .choices = {"lanczos", "oja", "neon-online", "neon-det"}},
      {.key = "landscape.products",
       .flag = "--products",
       .type = integer,
       .fallback = "60",
       .help = "most products with the Hessian for a direction",
       .low = 3},
      {.key = "landscape.check",
       .flag = "--check",
       .fallback = "oja",
       .help = "a second method for the most negative direction, compared with the first",
       .choices = {"none", "lanczos", "oja", "neon-online", "neon-det"}},
      {.key = "landscape.check_products",
       .flag = "--check-products",
       .type = integer,
       .fallback = "60",
       .help = "most products for the second method",
       .low = 3},
      {.key = "landscape.trace",
       .flag = "--trace",
       .type = integer,
       .fallback = "0",
       .help = "products for the Hessian's trace by Hutch++ (0: none)",
       .low = 0},
      {.key = "landscape.density",
       .flag = "--density",
       .type = integer,
       .fallback = "0",
       .help = "probes for the density of its eigenvalues (0: none)",
       .low = 0},
      {.key = "landscape.arrays",
       .flag = "--arrays",
       .fallback = "",
       .help =
           "for a TorchScript module: an .npz or .safetensors file with `inputs` and `targets`"},
  };
}

}  // namespace overparam::study

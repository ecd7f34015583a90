// SPDX-License-Identifier: Apache-2.0
// The table of options.
#include <algorithm>

#include "option_tables.hpp"
#include "overparam/base/catalogue.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/net/vision.hpp"
#include "overparam/study/settings.hpp"

namespace overparam::study {

namespace {

using enum OptionType;

std::vector<Option> data_options() {
  return {
      {.key = "data.source",
       .flag = "--data",
       .fallback = "digits",
       .help = "a file or folder, or a generator: " +
               base::join(base::names_of(data::generators()), ", ")},
      {.key = "data.samples",
       .flag = "--samples",
       .type = integer,
       .fallback = "0",
       .help = "training samples: the first so many of a file (0: all), or how many to generate "
               "(0: 100)",
       .low = 0},
      {.key = "data.test",
       .flag = "--test",
       .fallback = "",
       .help = "test part: a path, or how many of the samples that follow the training part"},
      {.key = "data.labels",
       .flag = "--labels",
       .fallback = "true",
       .help = "true, random, or noisy:P to redraw each training label with probability P"},
      {.key = "data.normalise",
       .flag = "--normalise",
       .fallback = "auto",
       .help = "how inputs are normalised; auto: unit for the networks cnn, rnn and two-layer, "
               "else sphere for images and footnote3 for tables and arrays",
       .choices = {"auto", "footnote3", "sphere", "unit", "none"}},
      {.key = "data.separation",
       .flag = "--separation",
       .type = number,
       .fallback = "0",
       .help = "exact least distance of generated inputs (0: as it comes)",
       .low = 0},
      {.key = "data.dim",
       .flag = "--dim",
       .type = integer,
       .fallback = "0",
       .help = "raw input dimension of generated data (0: the generator's choice)",
       .low = 0},
      {.key = "data.classes",
       .flag = "--classes",
       .type = integer,
       .fallback = "0",
       .help = "classes of generated data (0: the generator's choice)",
       .low = 0},
      {.key = "data.image_size",
       .flag = "--image-size",
       .type = integer,
       .fallback = "0",
       .help = "images averaged down to so many pixels a side (0: as they are)",
       .low = 0},
      {.key = "data.label_column",
       .flag = "--label-column",
       .fallback = "",
       .help = "label column of a CSV file, by name or by index from 0"},
  };
}

/// Those of the paper, then those of images.
std::vector<std::string> network_names() {
  auto names = base::names_of(net::networks());
  std::ranges::copy(base::names_of(net::vision_networks()), std::back_inserter(names));
  return names;
}

std::vector<Option> network_options() {
  return {
      {.key = "network.kind",
       .flag = "--network",
       .fallback = "fc",
       .help =
           "the architecture; from resnet8 on networks of images with batch normalisation, whose "
           "other defaults are their source's recipe",
       .choices = network_names()},
      {.key = "network.width",
       .flag = "--width",
       .type = integer,
       .fallback = "1024",
       .help =
           "m, neurons in each hidden layer, or channels of a convolution; of networks of images "
           "those of the first stage, 16 or 64 unless given",
       .low = 1},
      {.key = "network.depth",
       .flag = "--depth",
       .type = integer,
       .fallback = "2",
       .help = "L, square hidden layers between the input layer and the read-out, or time steps",
       .low = 0},
      {.key = "network.outputs",
       .flag = "--outputs",
       .type = integer,
       .fallback = "0",
       .help = "d (0: the number of classes or target columns)",
       .low = 0},
      {.key = "network.trained",
       .flag = "--trained",
       .fallback = "auto",
       .help =
           "trained weights: auto (the network's own choice), hidden, all, first, last, or names "
           "such as W.1,W.2"},
      {.key = "network.widths",
       .flag = "--widths",
       .help = "neurons in every hidden layer, such as 512,1024,256, in place of width and depth"},
      {.key = "network.activation",
       .flag = "--activation",
       .fallback = "relu",
       .help = "of the hidden layers",
       .choices = base::names_of(net::activations())},
      {.key = "network.tau",
       .flag = "--tau",
       .fallback = "theory",
       .help =
           "gain of residual branches: theory (1/(L ln m)), theory:c, 1/L, 1/sqrt(L) or a number"},
      {.key = "network.block_layers",
       .flag = "--block-layers",
       .type = integer,
       .fallback = "1",
       .help = "weight matrices in a residual branch, 1 to 3",
       .low = 1},
      {.key = "network.last",
       .flag = "--last",
       .fallback = "plain",
       .help = "the last hidden layer of a residual network",
       .choices = {"plain", "residual"}},
      {.key = "network.filter",
       .flag = "--filter",
       .type = integer,
       .fallback = "3",
       .help = "side of a convolution's filter",
       .low = 1},
      {.key = "network.filters",
       .flag = "--filters",
       .fallback = "shared",
       .help = "whether the positions of a convolution share their filters",
       .choices = {"shared", "unshared"}},
      {.key = "network.bias",
       .flag = "--bias",
       .fallback = "theory",
       .help = "scale of a convolution's biases: theory (delta^2/(10 P L) at P positions) or a "
               "number"},
  };
}

std::vector<Option> train_options() {
  return {
      {.key = "train.loss",
       .flag = "--loss",
       .fallback = "squared",
       .help = "the loss of one sample; the objective is its sum",
       .choices = base::names_of(net::losses())},
      {.key = "train.method",
       .flag = "--method",
       .fallback = "gd",
       .help = "gradient descent, SGD, or Gauss-Newton in the tangent kernel",
       .choices = {"gd", "sgd", "gauss-newton"}},
      {.key = "train.batch",
       .flag = "--batch",
       .type = integer,
       .fallback = "0",
       .help = "b, samples in a step (0: all for gauss-newton; for sgd 64, or all where there are "
               "fewer)",
       .low = 0},
      {.key = "train.sampling",
       .flag = "--sampling",
       .fallback = "epoch",
       .help =
           "how batches are drawn: shuffled passes, a fresh subset each step, or with replacement",
       .choices = {"epoch", "subset", "replacement"}},
      {.key = "train.step",
       .flag = "--step",
       .fallback = "critical",
       .help =
           "step size: a number, critical[:C] for C/lambda_max, or theory[:C] for the theorem's"},
      {.key = "train.momentum",
       .flag = "--momentum",
       .type = number,
       .fallback = "0",
       .help = "momentum",
       .low = 0},
      {.key = "train.weight_decay",
       .flag = "--weight-decay",
       .type = number,
       .fallback = "0",
       .help = "adds this times W to the gradient",
       .low = 0},
      {.key = "train.solver",
       .flag = "--solver",
       .fallback = "auto",
       .help = "gauss-newton: the factor of K itself, or conjugate gradients preconditioned by a "
               "model of K that is cheaper to factor",
       .choices = {"auto", "dense", "cg"}},
      {.key = "train.damping",
       .flag = "--damping",
       .type = number,
       .fallback = "0",
       .help = "gauss-newton: least lambda, as a share of the mean diagonal of K",
       .low = 0},
      {.key = "train.schedule",
       .flag = "--schedule",
       .fallback = "",
       .help = "changes of the step size as STEP:FACTOR,STEP:FACTOR; of networks of images as "
               "EPOCH:FACTOR, where epochs count from 0"},
      {.key = "train.epochs",
       .flag = "--epochs",
       .type = integer,
       .fallback = "164",
       .help = "of networks of images: passes over the data",
       .low = 1},
      {.key = "train.augment",
       .flag = "--augment",
       .fallback = "crop-flip",
       .help = "of networks of images: each image shifted by up to 4 pixels and half of them "
               "mirrored, in every epoch anew",
       .choices = {"crop-flip", "none"}},
      {.key = "train.snapshots",
       .flag = "--snapshots",
       .fallback = "5,40,90,120,130,160",
       .help = "of networks of images: epochs after which the weights are kept, or all"},
      {.key = "train.max_steps",
       .flag = "--max-steps",
       .type = integer,
       .fallback = "10000",
       .help = "most steps",
       .low = 0},
      {.key = "train.target_objective",
       .flag = "--target-objective",
       .type = number,
       .fallback = "0",
       .help = "stop at this objective",
       .low = 0},
      {.key = "train.target_ratio",
       .flag = "--target-ratio",
       .type = number,
       .fallback = "0",
       .help = "stop at this share of the starting objective",
       .low = 0},
      {.key = "train.target_accuracy",
       .flag = "--target-accuracy",
       .type = number,
       .fallback = "0",
       .help = "stop at this training accuracy",
       .low = 0},
      {.key = "train.gradient_norm",
       .flag = "--gradient-norm",
       .type = number,
       .fallback = "0",
       .help = "stop when the gradient's norm falls below this",
       .low = 0},
      {.key = "train.max_seconds",
       .flag = "--max-seconds",
       .type = number,
       .fallback = "0",
       .help = "stop after this wall time",
       .low = 0},
      {.key = "train.measure_every",
       .flag = "--measure-every",
       .type = integer,
       .fallback = "0",
       .help = "steps on batches between measurements of the whole objective (0: an epoch); of "
               "networks of images epochs between those of the gradient (0: so that they take at "
               "most a tenth of the time)",
       .low = 0},
      {.key = "train.checkpoint_seconds",
       .flag = "--checkpoint-seconds",
       .type = number,
       .fallback = "120",
       .help = "wall time between checkpoints",
       .low = 0},
  };
}

std::vector<Option> run_options() {
  return {
      {.key = "run.seed",
       .flag = "--seed",
       .type = integer,
       .fallback = "0",
       .help = "of weights, batches and generated data",
       .low = 0},
      {.key = "run.dtype",
       .flag = "--dtype",
       .fallback = "float32",
       .help = "number type",
       .choices = {"float32", "float64"}},
      {.key = "run.precision",
       .flag = "--precision",
       .fallback = "plain",
       .help = "of the products of gd and sgd: plain, or narrow for bfloat16 or int8 where they "
               "are faster",
       .choices = {"plain", "narrow", "bfloat16", "int8"}},
      {.key = "run.device",
       .flag = "--device",
       .fallback = "cpu",
       .help = "cpu, or cuda where LibTorch has it"},
      {.key = "run.threads",
       .flag = "--threads",
       .type = integer,
       .fallback = "0",
       .help = "cores to use (0: all)",
       .low = 0},
      {.key = "run.memory",
       .flag = "--memory",
       .fallback = "",
       .help = "most memory to plan for, such as 4GiB (empty: what is free)"},
      {.key = "run.out",
       .flag = "--out",
       .fallback = "",
       .help = "folder for the results (empty: a new one below runs/); of ntk a FILE.npy"},
  };
}

std::vector<Option> ntk_options() {
  return {
      {.key = "ntk.kind",
       .flag = "--kind",
       .fallback = "empirical",
       .help = "the network's own kernel, its limit of infinite width, or the covariance of its "
               "outputs at the start in that limit",
       .choices = {"empirical", "infinite", "conjugate"}},
      {.key = "ntk.block",
       .flag = "--block",
       .fallback = "full",
       .help = "of an empirical kernel: full (n d, n d), row i d + a; trace, the mean over outputs "
               "(n, n); diagonal (d, n, n); or output:A (n, n)"},
      {.key = "ntk.weights",
       .flag = "--weights",
       .fallback = "",
       .help = "a .safetensors file with the network's weights (empty: at random initialisation)"},
      {.key = "ntk.eigenvalues",
       .flag = "--eigenvalues",
       .type = integer,
       .fallback = "3",
       .help = "how many at either end of the spectrum",
       .low = 1},
      {.key = "ntk.ridge",
       .flag = "--ridge",
       .type = number,
       .fallback = "0",
       .help = "of kernel regression on the test part, in units of the mean diagonal",
       .low = 0},
  };
}

std::vector<Option> verify_options() {
  return {
      {.key = "verify.scale",
       .flag = "--scale",
       .fallback = "standard",
       .help = "how much is measured",
       .choices = {"quick", "standard", "full"}},
      {.key = "verify.only",
       .flag = "--only",
       .fallback = "",
       .help = "claims to verify, by id, separated by commas (empty: all)"},
  };
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> table = [] {
    std::vector<Option> all;
    for (auto section : {data_options(),
                         network_options(),
                         train_options(),
                         run_options(),
                         ntk_options(),
                         verify_options(),
                         landscape_options()}) {
      std::ranges::move(section, std::back_inserter(all));
    }
    return all;
  }();
  return table;
}

}  // namespace overparam::study

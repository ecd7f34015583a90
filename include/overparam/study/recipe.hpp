// SPDX-License-Identifier: Apache-2.0
// Figures and tables of the source documents, measured again and held against what was published.
// A recipe is a value; each is one file in src/study/recipes/.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/measurement.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct ReproduceOptions {
  claims::Scale scale = claims::Scale::standard;
  std::uint64_t seed = 0;  ///< the first of the seeds
  int threads = 0;
  std::filesystem::path folder;  ///< where rows are kept; empty: nowhere
  /// For recipes that read images: a file or folder, or a generator.
  std::string images = "digits";
  std::string device = "cpu";  ///< of recipes that train networks of images
  bool fresh = false;          ///< rows, runs and pictures in the folder are made again
};

/// A published number and the one measured here.
struct Comparison {
  std::string group;     ///< what its table is about: "(a) ln of the mean squared error"
  std::string quantity;  ///< "m = 500"
  std::string against;   ///< where the published number stands
  double published = 0;
  double measured = 0;        ///< mean over the seeds
  linalg::Interval interval;  ///< 95 % for the mean
  std::string criterion;      ///< "within 10 %"
  std::optional<bool> met;    ///< nothing: shown, and decides nothing
};

/// What the rows of a recipe show.
struct Conclusion {
  std::vector<std::string> findings;  ///< in words, the most important first
  std::vector<Comparison> comparisons;
  std::vector<report::Block> blocks;  ///< pictures, and what must be said with them
  report::Table data;                 ///< the numbers behind the pictures
};

struct Recipe {
  std::string name;    ///< "du2018-fig1"
  std::string title;   ///< "Figure 1 of Du et al. 2018"
  std::string source;  ///< what is reproduced, and where it stands
  std::string cost;    ///< time at each scale
  bool reads_images = false;
  bool trains_on_device = false;  ///< heeds `ReproduceOptions::device`
  /// Runs and pictures that the conclusion reads, made in the folder, where what is finished is
  /// kept; false where the user interrupted. Null for recipes of measurements alone.
  std::function<bool(const ReproduceOptions&, const Voice&)> make = nullptr;
  std::function<std::vector<Measurement>(const ReproduceOptions&)> plan;
  std::function<Conclusion(const ReproduceOptions&, const std::vector<Measured>&)> conclude;
};

/// All recipes.
const std::vector<Recipe>& recipes();

/// @throws Error(usage) with the names and "did you mean"
const Recipe& find_recipe(const std::string& name);

struct Reproduction {
  const Recipe* recipe = nullptr;
  ReproduceOptions options;
  Conclusion conclusion;      ///< empty where interrupted
  std::int64_t measured = 0;  ///< measurements made now
  std::int64_t reused = 0;    ///< measurements found in the folder
  double seconds = 0;
  bool interrupted = false;

  /// Whether every comparison that decides is met.
  [[nodiscard]] bool met() const;
};

/// Says what the recipe will do, measures what the folder does not hold yet, and concludes. A
/// killed reproduction goes on where it was. @throws Error(capacity) before anything is measured if
/// one measurement would not fit the memory
Reproduction reproduce(const Recipe& recipe, const ReproduceOptions& options, const Voice& voice);

/// How far a mean may lie from a published number: a share of it, or a distance.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

/// A published number against its measurements, one a seed.
/// @param tolerance nothing: the comparison is shown and does not decide
Comparison compare(const std::string& group,
                   const std::string& quantity,
                   const std::string& against,
                   double published,
                   const std::vector<double>& measured,
                   std::optional<Tolerance> tolerance);

/// 95 % for the mean, by Student's t; without ends for fewer than two values.
linalg::Interval interval_of_mean(const std::vector<double>& values);

/// Adds the mean at x to a curve, with its interval from three values on: Student's interval of two
/// is wider than the picture. All points of a curve need as many values.
void add_mean(report::Series& series, double x, const std::vector<double>& values);

nlohmann::json to_json(const Reproduction& reproduction);
nlohmann::json recipes_json();

/// Name, source and cost of every recipe.
report::Table recipe_table();

/// All comparisons, group by group.
report::Table comparison_table(const Reproduction& reproduction);

/// Findings, pictures, and a table for each group of comparisons.
report::Page reproduction_page(const Reproduction& reproduction);

}  // namespace overparam::study

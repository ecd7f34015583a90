// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/catalogues.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "overparam/base/text.hpp"
#include "overparam/claims/claim.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

std::vector<report::Table> catalogue_tables() {
  report::Table networks{.title = "Networks",
                         .columns = {{"name", ""}, {"description", ""}, {"source", ""}}};
  for (const auto& family : net::networks()) {
    networks.add_row({family.name, family.description, family.source});
  }
  report::Table losses{.title = "Losses",
                       .columns = {{"name", ""}, {"formula", ""}, {"source", ""}}};
  for (const auto& loss : net::losses()) losses.add_row({loss.name, loss.formula, loss.source});
  report::Table generators{.title = "Generators", .columns = {{"name", ""}, {"description", ""}}};
  for (const auto& generator : data::generators()) {
    generators.add_row({generator.name, generator.description});
  }
  report::Table readers{.title = "Readers", .columns = {{"name", ""}, {"description", ""}}};
  for (const auto& reader : data::readers()) readers.add_row({reader.name, reader.description});
  report::Table claims{.title = "Claims",
                       .columns = {{"id", ""}, {"source", ""}, {"statement", ""}}};
  for (const auto& claim : claims::claims())
    claims.add_row({claim.id, claim.source, claim.statement});
  return {networks, losses, generators, readers, claims, recipe_table()};
}

namespace {

/// "T in delta: upper bound, exponent -2"
std::string law_text(const claims::Law& law) {
  const char* kind = law.bound == claims::Bound::exact ? "law" : "bound";
  return fmt::format("{}: {} {}, exponent {}",
                     law.name,
                     claims::to_string(law.bound),
                     kind,
                     base::format_number(law.predicted));
}

}  // namespace

std::string theory_markdown() {
  std::string page =
      "# What is measured\n\n"
      "Every claim of `overparam verify`, grouped by what it stands for in the sources. Written by\n"
      "`overparam info --theory`.\n";
  std::optional<claims::Group> group;
  for (const auto& claim : claims::claims()) {
    if (group != claim.group) page += fmt::format("\n## {}\n", claims::to_string(claim.group));
    group = claim.group;
    page += fmt::format("\n### `{}` ({})\n\n{}.\n\n", claim.id, claim.source, claim.statement);
    page += fmt::format("- measured: {}\n- window: {}\n", claim.quantity, claim.window);
    std::vector<std::string> expected;
    for (const auto kind : claim.expected) expected.push_back(claims::to_string(kind));
    page += fmt::format("- expected: {}\n", base::join(expected, ", "));
    for (const auto& law : claim.laws) page += fmt::format("- {}\n", law_text(law));
    for (const auto& check : claim.checks) {
      page += fmt::format("- {}: in [{}, {}]; {}\n",
                          check.name,
                          base::format_number(check.low),
                          base::format_number(check.high),
                          check.meaning);
    }
    page += fmt::format("- negative control: {}\n", claim.negative_control.description);
  }
  return page;
}

nlohmann::json catalogues_json() {
  nlohmann::json document{{"schema", kSchema},
                          {"version", version()},
                          {"kind", "info"},
                          {"environment", environment_json()}};
  for (const auto& table : catalogue_tables()) document[table.title] = report::to_json(table);
  return document;
}

std::string product_advice() {
  if (linalg::blas_is_fast()) return "";
  return "matrix products come from the reference BLAS, which is many times slower than OpenBLAS; "
         "on Debian, "
         "apt-get install libopenblas0-openmp";
}

}  // namespace overparam::study

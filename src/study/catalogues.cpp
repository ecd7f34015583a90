// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/catalogues.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "overparam/base/error.hpp"
#include "overparam/base/text.hpp"
#include "overparam/claims/claim.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/net/vision.hpp"
#include "overparam/study/recipe.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

std::vector<report::Table> catalogue_tables() {
  report::Table networks{.title = "Networks",
                         .columns = {{"name", ""}, {"description", ""}, {"source", ""}}};
  for (const auto& family : net::networks()) {
    networks.add_row({family.name, family.description, family.source});
  }
  report::Table vision{.title = "Networks of images",
                       .columns = {{"name", ""}, {"description", ""}, {"source", ""}}};
  for (const auto& family : net::vision_networks()) {
    vision.add_row({family.name, family.description, family.source});
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
  return {networks, vision, losses, generators, readers, claims, recipe_table()};
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
      "Every claim of `overparam verify`, grouped by what it stands for in the sources. Written "
      "by\n"
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

namespace {

/// How the limit of one network is computed, and its scale in m and d.
std::pair<std::string, std::string> limit_of(const std::string& network,
                                             const std::string& activation) {
  constexpr std::int64_t kWidth = 64;
  constexpr std::int64_t kOutputs = 8;
  try {
    const auto shape = net::make_architecture(network,
                                              {.input_size = 6,
                                               .num_outputs = kOutputs,
                                               .width = kWidth,
                                               .depth = 3,
                                               .input_shape = {6},
                                               .activation = activation});
    const kernel::InfiniteKernel limit(shape, {.particles = 64});
    const auto ratio = static_cast<double>(kWidth) / kOutputs;
    const std::string scale = limit.scale() == ratio       ? "m / d"
                              : limit.scale() == ratio / 2 ? "m / (2 d)"
                                                           : "1";
    const bool by_particles = limit.method().find("particles") != std::string::npos;
    return {by_particles ? "particles" : limit.method(), scale};
  } catch (const Error& error) {
    const std::string message = error.what();
    const auto reason = message.find(": it ");
    return {"none: it " + message.substr(reason + 5), ""};
  }
}

}  // namespace

std::string kernels_markdown() {
  report::Table networks{
      .columns = {{"network", ""}, {"kernel of infinite width", ""}, {"K over Theta", ""}}};
  for (const auto& family : net::networks()) {
    const auto [method, scale] = limit_of(family.name, "relu");
    networks.add_row({family.name, method, scale});
  }
  report::Table activations{.columns = {{"activation", ""}, {"in fc", ""}}};
  for (const auto& activation : net::activations()) {
    activations.add_row({activation.name, limit_of("fc", activation.name).first});
  }
  return report::to_markdown(networks) + "\n" + report::to_markdown(activations);
}

nlohmann::json catalogues_json() {
  nlohmann::json document{{"schema", kSchema},
                          {"version", version()},
                          {"kind", "info"},
                          {"environment", environment_json()}};
  for (const auto& table : catalogue_tables()) document[table.title] = report::to_json(table);
  return document;
}

}  // namespace overparam::study

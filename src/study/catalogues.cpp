// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/catalogues.hpp"

#include <nlohmann/json.hpp>

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

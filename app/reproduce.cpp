// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/study/recipe.hpp"

namespace overparam::app {

namespace {

namespace fs = std::filesystem;

int list_recipes(const Arguments& arguments) {
  base::require(arguments.positional.empty(),
                ErrorKind::usage,
                "reproduce: --list names all recipes, and takes no \"{}\"",
                arguments.positional);
  if (arguments.json) {
    print(study::recipes_json());
  } else {
    print(study::recipe_table());
  }
  return kDone;
}

study::ReproduceOptions options_from(const Arguments& arguments, const study::Recipe& recipe) {
  const auto& settings = arguments.settings;
  const std::string& scale = settings.text("verify.scale");
  const std::string& out = settings.text("run.out");
  const std::string& images = settings.text("data.source");
  base::require(recipe.reads_images || images == study::ReproduceOptions().images,
                ErrorKind::usage,
                "{}: {} reads no images, found {}",
                settings.origin("data.source"),
                recipe.name,
                images);
  const std::string& device = settings.text("run.device");
  base::require(recipe.trains_on_device || device == study::ReproduceOptions().device,
                ErrorKind::usage,
                "{}: {} runs on the CPU, found {}",
                settings.origin("run.device"),
                recipe.name,
                device);
  return {.scale = claims::parse_scale(scale),
          .seed = static_cast<std::uint64_t>(settings.integer("run.seed")),
          .threads = static_cast<int>(settings.integer("run.threads")),
          .folder = out.empty() ? fs::path("runs") / (recipe.name + "-" + scale) : fs::path(out),
          .images = images,
          .device = device,
          .fresh = arguments.has("fresh")};
}

int run(const Arguments& arguments) {
  if (arguments.has("list")) return list_recipes(arguments);
  base::require(!arguments.positional.empty(),
                ErrorKind::usage,
                "reproduce: NAME is missing; overparam reproduce --list names the recipes");
  const auto& recipe = study::find_recipe(arguments.positional);
  const auto voice = voice_for(arguments);
  warn_about_slow_products(voice);
  const auto options = options_from(arguments, recipe);
  const auto reproduction = study::reproduce(recipe, options, voice);
  if (reproduction.interrupted) {
    voice.say(interrupted_text(arguments));
    return interrupted_exit();
  }
  base::write_file(options.folder / "data.csv", report::to_csv(reproduction.conclusion.data));
  const auto page = report::write_page(study::reproduction_page(reproduction), options.folder);
  auto document = study::to_json(reproduction);
  document["report"] = page.string();
  base::write_json(options.folder / "reproduce.json", document);
  if (arguments.json) {
    print(document);
  } else {
    print(study::comparison_table(reproduction));
  }
  voice.say("report " + page.string());
  return reproduction.met() ? kDone : kMissed;
}

}  // namespace

Command reproduce_command() {
  return {.shape = {.name = "reproduce",
                    .description =
                        "measure a figure or table of the sources again and compare the numbers",
                    .keys = {"verify.scale",
                             "data.source",
                             "run.seed",
                             "run.device",
                             "run.threads",
                             "run.out"},
                    .positional = "NAME",
                    .positional_help = "of a recipe; --list names them",
                    .switches = {"list", "fresh"},
                    .meanings = {{"data.source",
                                  "of recipes that read images: a file, a folder or a generator "
                                  "[digits]"},
                                 {"run.out", "folder for the results (empty: runs/NAME-SCALE)"}}},
          .run = run};
}

}  // namespace overparam::app

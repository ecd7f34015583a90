// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/demo.hpp"

#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/training.hpp"

namespace overparam::study {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kNarrowWidths[] = {8, 32, 128};
constexpr double kTargetRatio = 9e-4;

/// Where the run of a name such as "m-8" lies, below the demo's folder.
fs::path narrow_folder(const std::string& name) { return fs::path("narrow") / name; }

/// The same data at another width, for as many steps as the wide network took.
RunRecord run_narrow(const Settings& settings,
                     const PreparedData& data,
                     int width,
                     std::int64_t steps,
                     const fs::path& folder) {
  const fs::path below = folder / narrow_folder(fmt::format("m-{}", width));
  Settings narrow = settings;
  narrow.set("network.width", std::to_string(width), "demo");
  narrow.set("train.max_steps", std::to_string(steps), "demo");
  narrow.set("run.out", below.string(), "demo");
  return run_training(narrow, data, {.folder = below, .overwrite = true}, {});
}

}  // namespace

const std::vector<std::string>& demo_keys() {
  static const std::vector<std::string> keys{"run.seed", "run.threads", "run.out"};
  return keys;
}

Settings demo_settings(const Settings& given) {
  Settings settings;
  for (const auto& key : demo_keys()) settings.set(key, given.text(key), given.origin(key));
  const auto set = [&](const char* key, const std::string& value) {
    settings.set(key, value, "demo");
  };
  set("data.source", "digits");
  set("data.samples", "100");
  set("network.width", "1024");
  set("network.depth", "2");
  set("train.target_ratio", fmt::format("{}", kTargetRatio));
  set("train.max_steps", "20000");
  return settings;
}

Demo run_demo(const Settings& given, const fs::path& folder, const Voice& voice) {
  const Settings settings = demo_settings(given);
  const PreparedData data = prepare_data(settings);
  voice.say("training a network of width 1,024 on 100 drawn digits");
  Demo demo{.main = run_training(settings, data, {.folder = folder, .overwrite = true}, voice)};
  if (demo.main.stopped_by == "interrupted") return demo;

  voice.say("the same digits at widths 8, 32 and 128");
  demo.narrow.resize(std::size(kNarrowWidths));
  std::vector<base::WorkItem> items;
  for (std::size_t i = 0; i < demo.narrow.size(); ++i) {
    items.push_back({.name = fmt::format("width {}", kNarrowWidths[i]), .run = [&, i] {
                       demo.narrow[i] = run_narrow(
                           settings, data, kNarrowWidths[i], demo.main.facts.steps, folder);
                     }});
  }
  base::WorkQueue({.threads = static_cast<int>(settings.integer("run.threads"))})
      .run(items)
      .rethrow();
  if (!base::interrupted()) write_demo(demo, folder);
  return demo;
}

bool is_demo(const fs::path& folder) { return fs::exists(folder / kDemo); }

void write_demo(const Demo& demo, const fs::path& folder) {
  json narrow = json::array();
  for (const auto& record : demo.narrow) {
    narrow.push_back(narrow_folder(record.name).generic_string());
  }
  const json document{
      {"schema", kSchema}, {"version", version()}, {"kind", "demo"}, {"narrow", narrow}};
  base::write_json(folder / kDemo, document);
}

Demo read_demo(const fs::path& folder) {
  const fs::path path = folder / kDemo;
  try {
    const json document = base::read_json(path);
    const std::vector<std::string> narrow = document.at("narrow");
    Demo demo{.main = read_run(folder)};
    for (const auto& below : narrow) demo.narrow.push_back(read_run(folder / below));
    return demo;
  } catch (const json::exception& error) {
    base::fail(ErrorKind::data, "{}: damaged ({})", path.string(), error.what());
  }
}

json to_json(const Demo& demo) {
  json document = to_json(demo.main);
  document["kind"] = "demo";
  json narrow = json::array();
  for (const auto& record : demo.narrow) {
    narrow.push_back({{"width", record.facts.m},
                      {"objective", finite_or_null(record.facts.final_objective)},
                      {"initial_objective", finite_or_null(record.facts.initial_objective)},
                      {"train_accuracy", finite_or_null(record.train_accuracy)},
                      {"steps", record.facts.steps}});
  }
  document["narrow"] = narrow;
  return document;
}

report::Page demo_page(const Demo& demo) {
  report::Page page = run_page(demo.main);
  page.title = "Over-parameterisation at work";
  page.subtitle =
      "A wide ReLU network reaches a global minimum of its training objective; narrow ones do not";
  std::vector<std::pair<std::string, const RunRecord*>> others;
  for (auto it = demo.narrow.rbegin(); it != demo.narrow.rend(); ++it) {
    others.emplace_back(fmt::format("m = {}", it->facts.m), &*it);
  }
  for (auto& block : page.blocks) {
    auto* figure = std::get_if<report::Figure>(&block);
    if (figure == nullptr || figure->id != "objective") continue;
    *figure = objective_figure(demo.main, others);
    figure->title = "Wide networks go down in a straight line, narrow ones get stuck";
  }
  page.blocks.push_back(report::Heading{"Try next"});
  for (const char* command :
       {"overparam train --data digits --samples 100 --labels random --width 2048 "
        "--target-ratio 1e-3",
        "overparam sweep --data digits --over width=32,64,128,256,512,1024 --over "
        "seed=0..2 --target-ratio 1e-2",
        "overparam verify",
        "overparam train --data PATH/TO/MNIST --samples 200"}) {
    page.blocks.push_back(report::Command{command});
  }
  return page;
}

}  // namespace overparam::study

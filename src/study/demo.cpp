// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/demo.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "newton_page.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/json_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/training.hpp"
#include "run_folder.hpp"

namespace overparam::study {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kNarrowWidths[] = {8, 32, 128};
constexpr double kTargetRatio = 9e-4;
constexpr double kExactRatio = 1e-20;

/// Where Gauss-Newton's run lies, below the demo's folder.
constexpr const char* kExactFolder = "exact";

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

/// Gauss-Newton on the same digits, of another number type.
RunRecord run_exact(const Settings& demo, const fs::path& folder, const Voice& voice) {
  const fs::path below = folder / kExactFolder;
  Settings settings = exact_settings(demo);
  settings.set("run.out", below.string(), "demo");
  return run_training(
      settings, prepare_data(settings), {.folder = below, .overwrite = true}, voice);
}

/// A demo replaces what an earlier one left, of whatever seed, and nothing else.
void require_demo_folder(const fs::path& folder, const Settings& demo) {
  auto former = require_own_folder(folder);
  if (is_demo(folder) || !former) return;
  former->set("run.seed", demo.text("run.seed"), "demo");
  base::require(former->fingerprint() == demo.fingerprint(),
                ErrorKind::usage,
                "{}: holds a run that is no demo's; choose another --out",
                folder.string());
}

double share_of_start(const RunRecord& record) {
  return record.facts.final_objective / record.facts.initial_objective;
}

report::Figure exact_figure(const Demo& demo) {
  report::Figure figure{
      .id = "exact",
      .title = "Gradient descent and Gauss-Newton from the same weights",
      .caption =
          "Both against the seconds they trained for, measurements along the way included. "
          "Gradient descent runs in float32, Gauss-Newton in float64, whose rounding leaves "
          "room so far down.",
      .x = {.label = "seconds"},
      .y = {.label = "objective F", .logarithmic = true}};
  const auto add = [&](const char* name, const RunRecord& record, report::Mark mark) {
    report::Series series{.name = name, .mark = mark};
    for (const auto& point : record.facts.trajectory) {
      series.x.push_back(point.seconds);
      series.y.push_back(point.objective);
    }
    figure.series.push_back(std::move(series));
  };
  add("gradient descent", demo.main, report::Mark::line);
  add("Gauss-Newton", *demo.exact, report::Mark::line_and_points);
  return figure;
}

/// "9 steps and 4.1 s to F = 2.26e-25, 2.8e-27 of its start"
std::string course(const RunRecord& record) {
  return fmt::format("{} steps and {} to F = {}, {} of its start",
                     base::format_count(record.facts.steps),
                     base::format_seconds(record.seconds),
                     base::format_number(record.facts.final_objective),
                     base::format_number(share_of_start(record)));
}

/// What stands beside gradient descent's part of the page.
std::vector<report::Block> exact_blocks(const Demo& demo) {
  std::vector<report::Block> blocks{
      report::Heading{"The exact minimum"},
      report::Paragraph{fmt::format(
          "On the same digits, from the same weights: gradient descent took {}; **Gauss-Newton in "
          "the tangent kernel took {}**.",
          course(demo.main),
          course(*demo.exact))},
      exact_figure(demo)};
  for (auto& block : newton_blocks(*demo.exact)) blocks.push_back(std::move(block));
  return blocks;
}

}  // namespace

bool Demo::reached_targets() const {
  return main.reached_target && (!exact || exact->reached_target);
}

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

Settings exact_settings(const Settings& demo) {
  Settings settings = demo;
  settings.set("train.method", "gauss-newton", "demo");
  settings.set("train.target_ratio", fmt::format("{}", kExactRatio), "demo");
  settings.set("run.dtype", "float64", "demo");
  return settings;
}

Demo run_demo(const Settings& given, const fs::path& folder, const Voice& voice) {
  const Settings settings = demo_settings(given);
  require_demo_folder(folder, settings);
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
  if (base::interrupted()) return demo;

  voice.say("the exact minimum: Gauss-Newton on the same digits from the same weights");
  demo.exact = run_exact(settings, folder, voice);
  if (!base::interrupted()) write_demo(demo, folder);
  return demo;
}

bool is_demo(const fs::path& folder) { return fs::exists(folder / kDemo); }

void write_demo(const Demo& demo, const fs::path& folder) {
  json narrow = json::array();
  for (const auto& record : demo.narrow) {
    narrow.push_back(narrow_folder(record.name).generic_string());
  }
  json document{{"schema", kSchema}, {"version", version()}, {"kind", "demo"}, {"narrow", narrow}};
  if (demo.exact) document["exact"] = kExactFolder;
  base::write_json(folder / kDemo, document);
}

Demo read_demo(const fs::path& folder) {
  const fs::path path = folder / kDemo;
  try {
    const json document = base::read_json(path);
    const std::vector<std::string> narrow = document.at("narrow");
    Demo demo{.main = read_run(folder)};
    for (const auto& below : narrow) demo.narrow.push_back(read_run(folder / below));
    if (const auto exact = document.find("exact"); exact != document.end()) {
      demo.exact = read_run(folder / exact->get<std::string>());
    }
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
  if (demo.exact) {
    document["exact"] = {{"steps", demo.exact->facts.steps},
                         {"objective", finite_or_null(demo.exact->facts.final_objective)},
                         {"seconds", demo.exact->seconds},
                         {"ratio", finite_or_null(share_of_start(*demo.exact))}};
  }
  return document;
}

report::Table demo_table(const Demo& demo) {
  report::Table table = run_table(demo.main);
  if (demo.exact) table.add_row({"the exact minimum", "Gauss-Newton: " + course(*demo.exact)});
  return table;
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
  if (demo.exact) {
    const auto first_heading = std::ranges::find_if(page.blocks, [](const auto& block) {
      return std::holds_alternative<report::Heading>(block);
    });
    auto exact = exact_blocks(demo);
    page.blocks.insert(first_heading,
                       std::make_move_iterator(exact.begin()),
                       std::make_move_iterator(exact.end()));
  }
  page.blocks.push_back(report::Heading{"Try next"});
  for (const char* command :
       {"overparam train --data digits --samples 100 --labels random --width 2048 "
        "--target-ratio 1e-3",
        "overparam train --data digits --samples 200 --method gauss-newton --dtype float64 "
        "--target-ratio 1e-20",
        "overparam sweep --data digits --over width=32,64,128,256,512,1024 --over "
        "seed=0..2 --target-ratio 1e-2",
        "overparam verify",
        "overparam train --data PATH/TO/MNIST --samples 200"}) {
    page.blocks.push_back(report::Command{command});
  }
  return page;
}

}  // namespace overparam::study

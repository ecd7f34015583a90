// SPDX-License-Identifier: Apache-2.0
#include "train_once.hpp"

#include "overparam/base/require.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"

namespace overparam::study {

namespace {

void require_finite(const VisionRecord& record,
                    const std::string& name,
                    const std::filesystem::path& folder) {
  base::require(record.stopped_by != "not_finite",
                ErrorKind::numeric,
                "{}: the training of {} diverged; another --seed may not",
                folder.string(),
                name);
}

}  // namespace

bool train_once(const std::string& name,
                const Settings& settings,
                const std::filesystem::path& folder,
                const ReproduceOptions& options,
                const Voice& voice) {
  if (is_vision_run(folder) && !options.fresh) {
    require_finite(read_vision_run(folder), name, folder);
    voice.say(name + ": was trained before");
    return true;
  }
  const bool resume = can_be_resumed(folder) && !options.fresh;
  const auto record =
      run_vision_training(prepare_vision(settings),
                          {.folder = folder, .resume = resume, .overwrite = options.fresh},
                          voice);
  if (record.stopped_by == "interrupted") return false;
  report::write_page(vision_page(record), folder);
  require_finite(record, name, folder);
  return true;
}

}  // namespace overparam::study

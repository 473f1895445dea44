// What `uwaga inspect` looks at: a model by name, of a run's folder, or of a config.json.
//
//   const Inspected m = inspected_folder("parity/llama", "training");
//   Inspection(m.graph, Target::host());
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/models/recurrent.h>

#include <filesystem>
#include <string>

#include "tools/language_model.h"

namespace uwaga {

struct Inspected {
  Graph graph;
  std::string title;  // "gpt2, 4 layers of 128, training"
  Sizes sizes = {};   // those it was trained with, or the most it sees, where they are known
};

// `part`: training (a step of AdamW), evaluation or generation.
Inspected inspected_model(const LanguageModel& m, const std::string& part);

// A character model around a recurrent network: embedding, network, logits. `m.model` is rnn, lstm or gru, `m.width` the hidden
// state's; evaluation and generation as for the others.
Inspected inspected_recurrent(const LanguageModel& m, const std::string& part);

// A folder of `uwaga train` or one of its checkpoints, or one with a Hugging Face config.json (`which`: of the cases in that of a recurrent network, the
// first unless named). Error in one sentence for any other.
Inspected inspected_folder(const std::filesystem::path& folder, const std::string& part, const std::string& which = {});

}  // namespace uwaga

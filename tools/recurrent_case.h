// The cases of a config.json of recurrent networks: torch.nn's, each by its name.
//
//   {"model_type": "rnn", "cases": {"gru": {"class": "torch.nn.GRU", "input_size": 5, "hidden_size": 7, "num_layers": 2}}}
#pragma once

#include <uwaga/models/recurrent.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace uwaga {

struct RecurrentCase {
  std::string name;
  Recurrent network;
  std::int64_t input, hidden;
};

// Throws Error where the file lists no cases, or one of them is no network that is built.
std::vector<RecurrentCase> read_recurrent_cases(const std::filesystem::path& file);

}  // namespace uwaga

// `uwaga check DIR`: a model against the recorded answers of a reference implementation.
//
//   return check_command({.folder = "parity/gpt2", .device = "cpu"}, std::cout);
//
// What the folder holds decides what is checked:
//   a language model  logits, loss and the gradient of every tensor, for config.json and config.hub.json alike
//   a trajectory      (meta.json with "optimiser") loss, gradient norm and rate of every step, the final weights
//   generation        (inputs "prompt_ids") the ids chosen one by one, and the logits they were chosen from
//   recurrent cases   (model_type rnn) outputs, final states, losses and gradients of every case
// The device `interpreter` also runs in exact arithmetic, against expected_f64.safetensors. Each comparison is a line
// with the largest absolute and relative difference and what meta.json allows.
//
// Returns 0 where all agree, 1 otherwise. Throws Error and SystemError for folders that cannot be read as one of these.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace uwaga {

struct CheckOptions {
  std::filesystem::path folder;
  std::string device = "cpu";  // as --device takes it: "cuda", "emulated", ...
  int threads = 0;             // of the CPU; 0: one for each core
  bool json = false;           // one JSON object a line
};
int check_command(const CheckOptions& options, std::ostream& out);

}  // namespace uwaga

// What a checkpoint says about the run it is of: beside state.safetensors, in run.json.
//
//   RunRecord record{.step = 77, .model = R"({"graph":"6b1f...","layers":4})", .data = R"({"seed":1})", .tokenizer =
//   "{...}"}; save_run(record, state, folder); RunRecord again = read_run(folder); require_same_run(again, record,
//   folder);              // Error: "... its model has layers 4, and this run's has 2"
//
// `model`, `data` and `tokenizer` are JSON objects whose fields the trainer compares and does not understand; `settings` is kept
// and not compared.
#pragma once

#include <uwaga/runtime/state.h>

#include <cstdint>
#include <string>

namespace uwaga {

struct RunRecord {
  static constexpr int kFormatVersion = 1;

  std::int64_t step = 0;     // steps done
  std::string model = "{}";  // the configuration, with the hash of its graph
  std::string data = "{}";   // what the batches are drawn from, and how
  std::string tokenizer = "{}";
  std::string settings = "{}";  // what a resumed run may change: its optimiser; "{}" where none were kept
};

// Into a folder that is there. Throws SystemError.
void save_run(const RunRecord& record, const State& state, const std::string& folder);

// run.json of a folder, read as hostile. Throws Error for one of another format version or otherwise wrong;
// SystemError.
RunRecord read_run(const std::string& folder);

// Where a folder that save_run filled keeps the slots.
std::string state_file(const std::string& folder);

// Throws Error, naming the first field that differs with both values.
void require_same_run(const RunRecord& stored, const RunRecord& wanted, const std::string& folder);

}  // namespace uwaga

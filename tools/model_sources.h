// The sources that models are written in, as they were when this command was built: what lies under a path where the command is
// run may be another file, or none.
//
//   if (const auto text = model_source("../../models/gpt2.cpp")) ...
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace uwaga {

struct ModelSource {
  std::string_view path, text;  // "models/gpt2.cpp", from the root of the sources
};
const std::vector<ModelSource>& model_sources();  // written by cmake/embed_sources.cmake

// By the path that the compiler gave the file.
std::optional<std::string_view> model_source(std::string_view file);

}  // namespace uwaga

// A model's weights as Hugging Face keeps them: one safetensors file, or several with an index beside them.
//
//   const Weights weights("checkpoints/llama");            // model.safetensors or model.safetensors.index.json in it
//   const StoredTensor* q = weights.find("model.layers.0.self_attn.q_proj.weight");
//
// The index, {"weight_map": {tensor: file}, ...}, may name plain files of its own folder only, and every tensor it
// names must be in the file it says. Tensors of a shard that the index does not name are not seen. Throws Error,
// SystemError.
#pragma once

#include <uwaga/runtime/io/safetensors.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

// tensor name -> file name. `what` begins the errors' sentences.
std::map<std::string, std::string> parse_shard_index(std::string_view text, std::string_view what);

class Weights {
 public:
  // A folder, a .safetensors file or an index file.
  explicit Weights(const std::filesystem::path& path, SafetensorsFile::Access access = SafetensorsFile::Access::copy);

  // Sorted by name.
  const std::map<std::string, const StoredTensor*, std::less<>>& tensors() const { return tensors_; }
  const StoredTensor* find(std::string_view name) const;

 private:
  std::vector<SafetensorsFile> files_;
  std::map<std::string, const StoredTensor*, std::less<>> tensors_;
};

}  // namespace uwaga

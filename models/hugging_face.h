// Where each parameter of a model lies in the files of the Hugging Face hub: names, layouts, fused tensors.
//
//   const WeightTable table = weight_table(Gpt2{...});
//   Arrays ours = from_disk(table, [&](const std::string& name) { return find_in_file(name); });
//   Arrays theirs = to_disk(table, gradients);                     // the same table read backwards
//
// A row reads: parameter `path` of ours is tensor `disk` of theirs, whose axes are these, each the merge of the axes
// listed (the slowest first); where several parameters lie in one tensor, axis `part` tells them apart. So a fused
// c_attn.weight [model, 3 * head * depth] is {{model}, {part, head, depth}}, and a PyTorch Linear is {{out..}, {in}}.
// Loading is view, take the part, match axes by name; storing is the way back. Tied tensors are there once.
#pragma once

#include <uwaga/ir/array.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/llama.h>
#include <uwaga/models/recurrent.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace uwaga {

struct WeightRow {
  std::string path, disk;
  std::vector<Axes> axes;                           // one an axis on disk; every axis has a size
  std::optional<std::int64_t> part = std::nullopt;  // which slice of axis "part" this parameter is
};

struct WeightTable {
  std::vector<WeightRow> rows;
  std::string prefix;                // of the names on disk; files with and without it both load
  std::vector<std::string> ignored;  // patterns of tensors that carry nothing: buffers, copies of tied tensors
};

WeightTable weight_table(const Gpt2& c);
WeightTable weight_table(const Llama& c);
// torch.nn.RNN, LSTM and GRU: weight_ih_l0, bias_hh_l1_reverse, ...
WeightTable weight_table(const Recurrent& c, std::int64_t input, std::int64_t hidden);

// The tensor of this name, under any axes: its extents are what counts.
using DiskLookup = std::function<std::optional<Array>(const std::string& name)>;

// Parameters by path. Error: a tensor that is not there, or has another shape than the row says.
Arrays from_disk(const WeightTable& table, const DiskLookup& lookup);
// Tensors by their names on disk, prefix included, of the shapes on disk. Error: a parameter that is not there.
Arrays to_disk(const WeightTable& table, const Arrays& parameters);
// Those of `names` that the table neither reads nor ignores.
std::vector<std::string> unexpected(const WeightTable& table, const std::vector<std::string>& names);

}  // namespace uwaga

// What a graph does with the positions of a text: which axes they run along, and whether one may see a later one.
#pragma once

#include <set>
#include <string>

#include <uwaga/ir/graph.h>

namespace uwaga::autodiff {

// The axes that `time` is renamed to, and those that these are renamed to, in graphs inside too.
std::set<std::string> key_axes(const Graph& graph, const std::string& time);

// Throws Error unless sums and maxima over `keys` are of terms that are neutral wherever the key comes after the position along
// `time`. Numbers that are not known are taken for finite.
void check_causal(const Graph& graph, const std::string& time, const std::set<std::string>& keys);

}  // namespace uwaga::autodiff

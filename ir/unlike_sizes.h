// What an error says of one axis that two tensors have in two sizes.
//
//   unlike_sizes("left", {"key", time}, "right", {"key", key})
//   // left has key=time, right has key=key; open sizes go by the axis first declared without one, and these two may differ
#pragma once

#include <string>
#include <string_view>

#include <uwaga/ir/type.h>

namespace uwaga {

std::string unlike_sizes(std::string_view left, const Dim& a, std::string_view right, const Dim& b);

}  // namespace uwaga

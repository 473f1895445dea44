#include <uwaga/ir/unlike_sizes.h>

#include <fmt/format.h>

namespace uwaga {

std::string unlike_sizes(std::string_view left, const Dim& a, std::string_view right, const Dim& b) {
  const bool open = a.extent.symbols() != b.extent.symbols();
  return fmt::format("{} has {}={}, {} has {}={}{}", left, a.axis, a.extent.str(), right, b.axis, b.extent.str(),
                     open ? "; open sizes go by the axis first declared without one, and these two may differ" : "");
}

}  // namespace uwaga

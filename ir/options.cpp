#include <uwaga/ir/options.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>

namespace uwaga {

const OptionValue& option_value(const Options& options, const std::string& name) {
  for (const auto& [key, value] : options)
    if (key == name) return value;
  throw Error(fmt::format("a composite has no option '{}'", name));
}

void throw_option_of_another_type(const std::string& name) {
  throw Error(fmt::format("option '{}' of a composite is of another type than it is read as", name));
}

}  // namespace uwaga

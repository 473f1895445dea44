// Reading the options of a composite.
//
//   double beta = option<double>(options, "beta");
//
// Error if there is none of that name, or it is of another type.
#pragma once

#include <uwaga/ir/composite.h>

namespace uwaga {

// Whatever type it is of.
const OptionValue& option_value(const Options& options, const std::string& name);
[[noreturn]] void throw_option_of_another_type(const std::string& name);

template <typename T>
const T& option(const Options& options, const std::string& name) {
  if (const T* found = std::get_if<T>(&option_value(options, name))) return *found;
  throw_option_of_another_type(name);
}

}  // namespace uwaga

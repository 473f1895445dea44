// Reading the options of a composite.
//
//   double beta = option<double>(options, "beta");
//
// Error if there is none of that name, or it is of another type.
#pragma once

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {

template <typename T>
const T& option(const Options& options, const std::string& name) {
  for (const auto& [key, value] : options)
    if (key == name) {
      if (const T* found = std::get_if<T>(&value)) return *found;
      throw Error("option '" + name + "' of a composite is of another type than it is read as");
    }
  throw Error("a composite has no option '" + name + "'");
}

}  // namespace uwaga

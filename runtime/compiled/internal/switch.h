// Environment variables that turn one thing on.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <uwaga/ir/error.h>

namespace uwaga {

// Is the variable set to `on`? Unset or empty it is not; any other value is an Error.
inline bool is_switched_on(const std::string& variable, std::string_view on) {
  const char* value = std::getenv(variable.c_str());
  if (!value || !*value) return false;
  if (value == on) return true;
  throw Error(variable + "=" + value + ": unknown, the one value it takes is " + std::string(on));
}

}  // namespace uwaga

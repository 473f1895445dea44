// The one wording of a failed file operation: "cannot VERB PATH: REASON".
#pragma once

#include <fmt/format.h>
#include <uwaga/ir/error.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace uwaga::detail {

[[noreturn]] inline void throw_system_error(std::string_view verb, const std::filesystem::path& path,
                                            int number = errno) {
  throw SystemError(fmt::format("cannot {} {}: {}", verb, path.string(), std::generic_category().message(number)));
}

}  // namespace uwaga::detail

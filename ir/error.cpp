#include <uwaga/ir/error.h>

#include <fmt/format.h>

namespace uwaga {

InternalError::InternalError(const std::string& what, std::source_location where)
    : std::runtime_error(fmt::format("internal error at {}:{}: {}; please report this with the program that caused it",
                                     where.file_name(), where.line(), what)) {}

}  // namespace uwaga

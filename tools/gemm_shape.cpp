#include "tools/gemm_shape.h"

#include <fmt/format.h>
#include <uwaga/runtime/text/quote.h>

#include <charconv>
#include <string>

#include "tools/command.h"

namespace uwaga {

GemmShape parse_gemm_shape(std::string_view text) {
  GemmShape shape;
  const char *at = text.data(), *const end = at + text.size();
  const auto bad = [&] {
    return UsageError(fmt::format("{} is no shape: ROWSxCOLUMNSxTERMS, each from 1 to {}, and a or b behind where that operand lies transposed",
                                  quote(std::string(text), 40), std::int64_t{1} << 20));
  };
  for (std::int64_t* size : {&shape.m, &shape.n, &shape.k}) {
    if (size != &shape.m && (at == end || *at++ != 'x')) throw bad();
    const auto [next, error] = std::from_chars(at, end, *size);
    if (error != std::errc() || *size < 1 || *size > std::int64_t{1} << 20) throw bad();
    at = next;
  }
  if (at != end && (*at == 'a' || *at == 'b')) (*at++ == 'a' ? shape.transpose_a : shape.transpose_b) = true;
  if (at != end) throw bad();
  return shape;
}

}  // namespace uwaga

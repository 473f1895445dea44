#include <uwaga/ir/wanted.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/ir/provenance.h>

namespace uwaga {

const Tensor& wanted(const Operand& x, const char* function, const char* which) {
  if (!x.tensor)
    throw Error(fmt::format("{}:{}: {} wants a tensor as its {}, not the literal {}", base_name(x.where.file_name()), x.where.line(),
                            function, which, x.literal.as_double()));
  return *x.tensor;
}

}  // namespace uwaga

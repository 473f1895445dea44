#include <uwaga/ir/wanted.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/provenance.h>

namespace uwaga {

const Tensor& wanted(const Operand& x, const char* function, const char* which) {
  if (!x.tensor)
    throw Error(fmt::format("{}:{}: {} wants a tensor as its {}, not the literal {}", base_name(x.where.file_name()), x.where.line(),
                            function, which, x.literal.as_double()));
  return *x.tensor;
}

void refuse_two_graphs(Here where, const GraphData& one, const GraphData& other) {
  const bool left_body = one.is_body || other.is_body;
  throw Error(fmt::format("{}:{}: {}", base_name(where.file_name()), where.line(),
                          left_body ? "a tensor that was made inside a scan, cond or composite is used outside of it; let its body return it"
                                    : "tensors of two graphs meet; declare both in one Graph"));
}

}  // namespace uwaga

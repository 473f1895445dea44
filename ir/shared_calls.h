// Calls that share their bodies.
//
//   SharedCalls shared;
//   for (...) shared.composite(composite_named("adamw"), options, operands, build);   // one body for all parameters of a type
//
// composite() writes a body for each call. Where many calls are alike, as an optimiser's for each parameter, this writes one
// for each combination of composite, options, types of the operands, and origin: what shares it is told apart by its operands
// only, and everything done to the body later is done once.
#pragma once

#include <map>

#include <uwaga/ir/ops.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga {

class SharedCalls {
 public:
  // As composite(). `build` may depend on nothing but the options and what it is given: InternalError if it captures a tensor.
  std::vector<Tensor> composite(const CompositeRef& which, Options options, const std::vector<Tensor>& operands,
                                const CompositeBody& build, Here where = std::source_location::current());

 private:
  std::map<Hash128, SharedAttributes> made_;
};

}  // namespace uwaga

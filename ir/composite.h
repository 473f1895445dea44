// Composites: ops that are calls of a body of primitives, known by a name and a version.
//
//   const CompositeRef which = composite_named("rms_norm");
//   Tensor y = composite1(which, {{"axis", std::string("model")}, {"epsilon", 1e-5}}, {x}, body);     // ir/ops.h
//
// Options are what a composite is told besides its operands; ir/options.h reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/type.h>

namespace uwaga {

// A sorted list of named values.
using OptionValue = std::variant<std::int64_t, double, std::string, AxisNames, Extent, Graph>;
using Options = std::vector<std::pair<std::string, OptionValue>>;

// A composite's identity, shared by its calls. `backward`, where given, names the derivative: from operands, outputs and
// the outputs' cotangents (absent ones are zero) it returns a cotangent for each operand (absent: zero). Otherwise the
// derivative is derived from the body.
struct Composite {
  std::string name;
  int version = 1;
  using Backward = std::vector<std::optional<Tensor>> (*)(const Options&, const std::vector<Tensor>& operands,
                                                          const std::vector<Tensor>& outputs,
                                                          const std::vector<std::optional<Tensor>>& cotangents);
  Backward backward = nullptr;
};

using CompositeRef = std::shared_ptr<const Composite>;

// A composite known by its name alone.
CompositeRef composite_named(std::string name);

}  // namespace uwaga

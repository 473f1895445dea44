#include <uwaga/ir/initial.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>

namespace uwaga {
namespace {

// The graph of a first value while it is written.
struct Start {
  Graph& graph;
  const std::string& path;
  const Type& type;
  Tensor seed = graph.input("seed", DType::i64, {});

  // With the line of the parameter: its origin is what everything built here takes.
  Error refuse(const std::string& what) const {
    return Error(fmt::format("{}: {}", graph->provenance().brief(graph->origin(Here::current())), what));
  }

  Tensor fill(Literal value) const {
    const Tensor scalar = constant(graph, value, type.dtype);
    return type.dims.empty() ? scalar : broadcast(scalar, type.dims);
  }

  // Uniform in (0, 1), both ends excluded: the middles of 2^23 (f64: 2^32) equal steps, every one exact in the dtype.
  Tensor unit(const std::string& key) const {
    if (!is_float(type.dtype))
      throw refuse(fmt::format("parameter '{}' of dtype {} cannot start random", path, name(type.dtype)));
    const Tensor step = constant(graph, 0, DType::i64);
    const ProvenanceId origin = graph->origin(Here::current());
    const Tensor bits{graph.shared(),
                      {graph->add(Op::random_bits, RandomBitsAttrs{key, type.with_dtype(DType::i32)}, {seed.value(), step.value()}, origin), 0}};
    if (type.dtype == DType::f64) return (cast(bits, DType::f64) + (0x1p31 + 0.5)) * 0x1p-32;
    return (cast(bits / 512, DType::f32) + (0x1p22 + 0.5)) * 0x1p-23;
  }

  // radius * cos(angle) of Box and Muller; '/' cannot occur in a scope's name, so the second key is nobody else's.
  Tensor normal() const {
    const Tensor radius = sqrt(log(unit(path)) * -2.0);
    return radius * cos(unit(path + "/angle") * (2 * std::numbers::pi));
  }

  Tensor finished(const Tensor& x) const { return cast(x, type.dtype); }
};

Initial from(std::function<Tensor(const Start&)> write) {
  return {[write = std::move(write)](Graph& graph, const std::string& path, const Type& type) {
    return write(Start{graph, path, type});
  }};
}

// Coefficients of erfinv(x) / x in w = -log(1 - x^2) - 2.5, highest power first; for w < 5 - 2.5.
constexpr double kErfInv[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                              -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};

struct Fans {
  double in, out;
};

Fans fans(const Start& s, const Axes& in) {
  double fan_in = 1, fan_out = 1;
  const AxisNames names = names_of(in);
  for (const std::string& axis : names)
    if (!s.type.has(axis))
      throw s.refuse(fmt::format("parameter '{}' has no input axis '{}', only {{{}}}", s.path, axis, join(s.type.axes())));
  if (names.empty() && s.type.rank() != 2)
    throw s.refuse(fmt::format("parameter '{}' has axes {{{}}}: name those that are inputs", s.path, join(s.type.axes())));
  for (std::size_t i = 0; i < s.type.dims.size(); ++i) {
    const Dim& d = s.type.dims[i];
    const auto extent = static_cast<double>(d.extent.constant().value());
    const bool input = names.empty() ? i == 0 : std::find(names.begin(), names.end(), d.axis) != names.end();
    (input ? fan_in : fan_out) *= extent;
  }
  return {fan_in, fan_out};
}

Tensor within(const Start& s, double bound) { return s.finished(s.unit(s.path) * (2 * bound) + -bound); }

}  // namespace

Initial constant_value(double value) {
  return from([value](const Start& s) {
    const bool whole = value == std::floor(value) && std::fabs(value) < 0x1p63;
    return s.fill(!is_float(s.type.dtype) && whole ? Literal(static_cast<std::int64_t>(value)) : Literal(value));
  });
}
Initial zeros() { return constant_value(0); }
Initial ones() { return constant_value(1); }

Initial normal(double std) {
  return from([=](const Start& s) { return s.finished(s.normal() * std); });
}
Initial normal(double mean, double std) {
  return from([=](const Start& s) { return s.finished(s.normal() * std + mean); });
}

Initial truncated_normal(double std) {
  return from([=](const Start& s) {
    // Uniform in +-erf(sqrt 2), the part of the distribution function within two std.
    const Tensor x = (s.unit(s.path) * 2.0 + -1.0) * 0.9544997361036416;
    const Tensor w = -log((1.0 - x) * (1.0 + x)) + -2.5;
    Tensor p = w * kErfInv[0] + kErfInv[1];
    for (std::size_t i = 2; i < std::size(kErfInv); ++i) p = p * w + kErfInv[i];
    return s.finished(p * x * (std * std::numbers::sqrt2));
  });
}

Initial uniform(double low, double high) {
  return from([=](const Start& s) { return s.finished(s.unit(s.path) * (high - low) + low); });
}

Initial xavier_uniform(Axes in) {
  return from([in = std::move(in)](const Start& s) {
    const Fans f = fans(s, in);
    return within(s, std::sqrt(6 / (f.in + f.out)));
  });
}

Initial kaiming_uniform(double a, Axes in) {
  return from([a, in = std::move(in)](const Start& s) {
    Axes inputs = in;
    if (inputs.empty() && s.type.rank() == 1) inputs = {s.type.dims[0].axis};
    if (inputs.empty())
      throw s.refuse(fmt::format("parameter '{}' has axes {{{}}}: name those that are inputs", s.path, join(s.type.axes())));
    return within(s, std::sqrt(6 / ((1 + a * a) * fans(s, inputs).in)));
  });
}

}  // namespace uwaga

// Walks over attributes: every field by name, and every graph inside.
//
//   for_each_field(attributes, [](const char* name, const auto& value) { ... });
//
// `value` is one of: std::string, bool, std::int64_t, DType, Extent, Type, Literal, Graph, CompositeRef, Options,
// AxisNames, std::vector<Dim>, std::vector<Literal>. A graph inside is a parameter's first value, a body of scan, cond
// or call, or an option of a call.
#pragma once

#include <tuple>
#include <variant>

#include <uwaga/ir/attributes.h>

namespace uwaga {

template <typename F>
void for_each_field(const Attributes& attributes, F&& f) {
  std::visit(
      [&]<typename A>(const A& a) {
        std::apply([&](const auto&... field) { (f(field.name, a.*field.member), ...); }, A::fields());
      },
      attributes);
}

template <typename F>
void for_each_field(Attributes& attributes, F&& f) {
  std::visit(
      [&]<typename A>(A& a) {
        std::apply([&](const auto&... field) { (f(field.name, a.*field.member), ...); }, A::fields());
      },
      attributes);
}

constexpr bool has_graphs(Op op) { return op == Op::parameter || op == Op::scan || op == Op::cond || op == Op::call; }

// f(graph) for every graph inside, in the order of the fields. On attributes that may change, f gets it by reference.
template <typename Attrs, typename F>
void for_each_graph(Attrs& attributes, F&& f) {
  for_each_field(attributes, [&]<typename Member>(const char*, Member& value) {
    if constexpr (std::is_same_v<std::remove_const_t<Member>, Graph>) {
      f(value);
    } else if constexpr (std::is_same_v<std::remove_const_t<Member>, Options>) {
      for (auto& [name, option] : value)
        if (auto* graph = std::get_if<Graph>(&option)) f(*graph);
    }
  });
}

}  // namespace uwaga

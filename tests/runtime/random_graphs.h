// A random graph on a target, against the interpreter: outputs and slots of two runs, to the bit.
#pragma once

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/runtime/program.h>

#include "tests/catch.h"
#include "tests/ir/random_graph.h"

namespace uwaga::test {

// UWAGA_SEEDS=5000 looks at so many graphs instead.
inline std::uint64_t seeds(std::uint64_t usual) {
  const char* wanted = std::getenv("UWAGA_SEEDS");
  return wanted ? std::stoull(wanted) : usual;
}

inline Array drawn(const Type& t, const Sizes& sizes, std::mt19937_64& random) {
  ArrayDims dims;
  for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  Array a(t.dtype, dims);
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    if (is_float(t.dtype)) a.set(i, static_cast<double>(random() % 2048) / 1024 - 1);
    else a.set_integer(i, static_cast<std::int64_t>(random() % 40) - 20);
  }
  return a;
}

// "y0 is 0.5 instead of 0.25 at 7": the first element that differs; empty where none does.
inline std::string difference(const Arrays& have, const Arrays& want) {
  for (const auto& [name, wanted] : want) {
    const std::vector<double> mine = have.at(name).to_doubles(), its = wanted.to_doubles();
    if (mine.size() != its.size()) return name + " has another size";
    for (std::size_t i = 0; i < its.size(); ++i)
      if (!(mine[i] == its[i] && std::signbit(mine[i]) == std::signbit(its[i])) && !(std::isnan(mine[i]) && std::isnan(its[i])))
        return name + " is " + std::to_string(mine[i]) + " instead of " + std::to_string(its[i]) + " at " + std::to_string(i);
  }
  return "";
}

// Adds the gradients of the first output with respect to every input of f32.
inline void add_gradients(Graph& g) {
  const Tensor y(g.shared(), *g->output("y0"));
  if (!is_float(y.dtype())) return;
  Axes all;
  for (const Dim& d : y.type().dims) all.emplace_back(d.axis);
  std::vector<Tensor> wrt;
  for (NodeId id : g->inputs())
    if (is_float(g->node(id).types[0].dtype)) wrt.emplace_back(g.shared(), Value{id, 0});
  const std::vector<Tensor> gradients = grad(all.empty() ? y : sum(y * y, all), wrt, {.allow_unused = true});
  for (std::size_t i = 0; i < gradients.size(); ++i) g->add_output("g" + std::to_string(i), gradients[i].value());
}

// Outputs of two runs, and the slots after them.
inline Arrays runs(const Graph& g, const Sizes& sizes, const Target& target) {
  State state;
  Program p = compile(g, target, state);
  std::mt19937_64 random(5);
  for (const std::string& path : state.names()) state.set(path, drawn(state.type(path), {}, random));
  Arrays all;
  for (int i = 0; i < 2; ++i) {
    Arrays inputs;
    for (NodeId id : g->inputs()) inputs.emplace(g->node(id).as<InputAttrs>().name, drawn(g->node(id).types[0], sizes, random));
    for (auto& [name, value] : p.run(inputs)) all.emplace(name + " of run " + std::to_string(i), value);
  }
  for (const std::string& path : state.names()) all.emplace("slot " + path, state.get(path));
  return all;
}

}  // namespace uwaga::test

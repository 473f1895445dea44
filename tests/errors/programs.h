// Small programs to go wrong with.
#pragma once

#include <uwaga/uwaga.h>

namespace uwaga::test {

// Where compiled programs run: the host, or the interpreter in a build without LLVM. Messages are the same.
inline Target any_target() {
#ifdef UWAGA_WITH_LLVM
  return Target::host(1);
#else
  return Target::interpreter();
#endif
}

// x [row] -> y = 2 x.
inline void doubled(Graph& g) { (g.input("x", f32, {"row"}) * 2.0).watch("y"); }

// The embeddings [batch time vocab=9] of an input of that name.
inline Tensor embedded(Graph& g, const std::string& name, DType dtype, const Axis& batch = "batch", const Axis& time = "time") {
  const Tensor table = g.scope().param("words", {{"word", 9}, {"vocab", 9}}, zeros());
  return embedding(table, g.input(name, dtype, {batch, time}), {"word", 9});
}

inline Array row_of(std::int64_t n) { return Array(f32, {{"row", n}}); }

// n positions of an input [time depth=8].
inline Array positions(std::int64_t n) { return Array(f32, {{"time", n}, {"depth", 8}}); }

// Compiles, gives every parameter its first value, runs once.
inline void run_once(const Graph& g, const Arrays& inputs, const Sizes& sizes = {}) {
  State state;
  Program program = compile(g, any_target(), state);
  state.initialise(1, any_target());
  program.run(inputs, sizes);
}

// A state with h.0.attn.weight [in=2, out=3] and h.0.attn.bias [out=3].
inline State two_parameters(Graph& g) {
  const Scope s = g.scope() / "h.0" / "attn";
  const Tensor weight = s.param("weight", {{"in", 2}, {"out", 3}}, zeros());
  (weight + s.param("bias", {{"out", 3}}, zeros())).watch("sum");
  State state;
  compile(g, any_target(), state);
  state.initialise(1, any_target());
  return state;
}

}  // namespace uwaga::test

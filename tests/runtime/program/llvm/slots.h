// What a program does with its slots: where their new values are written, and that they are the interpreter's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/passes.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

namespace uwaga::test {

inline std::shared_ptr<Executable> executable_of(const Graph& g) {
  const auto backend = host_backend(1);
  KernelSet kernels;
  double fuse = 0, schedule = 0;
  return build_executable(lower_for_kernels(g, {.sparse_rows = true}), *backend, kernels, false, &fuse, &schedule);
}

// Copies into slots: updates that are not written in place.
inline int slot_copies(const Graph& g) {
  const auto e = executable_of(g);
  int copies = 0;
  for (const Step& s : e->steps)
    if (const auto* c = std::get_if<Copy>(&s)) copies += e->storages[static_cast<std::size_t>(c->to)].kind == Storage::Kind::slot;
  return copies;
}

inline Array ramp(double start, double step, const Type& type) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate({})});
  Array a(type.dtype, dims);
  for (std::int64_t i = 0; i < a.elements(); ++i) a.set(i, start + step * static_cast<double>(i));
  return a;
}

// Two runs from ramps give the bits of the interpreter, on one thread and on three.
inline void agrees(const Graph& g, const Arrays& inputs = {}) {
  const auto run = [&](const Target& target) {
    State state;
    Program p = compile(g, target, state);
    double start = 1;
    for (const std::string& path : state.names()) state.set(path, ramp(start++, 0.25, state.type(path)));
    Arrays all;
    for (int i = 0; i < 2; ++i)
      for (auto& [name, value] : p.run(inputs)) all["out." + std::to_string(i) + "." + name] = value;
    for (auto& [name, value] : all_slots(state)) all[name] = value;
    return all;
  };
  const Arrays want = run(Target::interpreter());
  for (int threads : {1, 3}) {
    const Arrays got = run(Target::host(threads));
    for (const auto& [name, value] : want) {
      INFO(name << " on " << threads << " threads");
      CHECK(got.at(name).to_doubles() == value.to_doubles());
    }
  }
}

}  // namespace uwaga::test

// State: the values of the slots that programs share: parameters, moments, step count, seed.
//
//   State state;
//   Program step = compile(train_step(loss, AdamW{}), Target::host(), state);
//   Program eval = compile(loss, Target::host(), state);            // the same weights, no copies
//   state.initialise(1);
//   Array w = state.get("h.0.attn.q.weight");
//
// A slot is declared by the first program that names it; another program must agree on its type, and on the number that a
// scalar of scope.state, such as a learning rate, starts at. A program of more slots, compiled after training, is run after
// state.initialise_missing(1). Copies of a State are the same state. While a program runs on it, a second `run`, `get`,
// `set` or `initialise` throws Error; programs may be compiled for it meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/runtime/target.h>

namespace uwaga {

class StateData;

class State {
 public:
  State();

  // Every slot's first value, drawn from the seed by scope path: the same whatever else the model has.
  // Values that slots have are lost.
  void initialise(std::int64_t seed, const Target& target = Target::host());
  // The same first values, of the slots that have no value yet; the others keep theirs.
  void initialise_missing(std::int64_t seed, const Target& target = Target::host());

  std::vector<std::string> names() const;  // sorted
  bool has(const std::string& path) const;
  bool trainable(const std::string& path) const;
  Type type(const std::string& path) const;

  // Axes as the parameter was declared. Errors: no such slot (the nearest names are told), no value yet.
  Array get(const std::string& path) const;
  // Axes are matched by name; a scalar literal takes the slot's dtype. Error if the type differs.
  void set(const std::string& path, const Array& value);
  bool initialised() const;

  StateData& data() const { return *data_; }
  const std::shared_ptr<StateData>& shared() const { return data_; }

 private:
  std::shared_ptr<StateData> data_;
};

}  // namespace uwaga

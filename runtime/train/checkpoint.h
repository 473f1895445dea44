// A State's slots as a safetensors file.
//
//   save(state, "state.safetensors");
//   load(state, "state.safetensors");                          // every slot, no other tensor
//   LoadReport r = load(state, "gpt2.safetensors", {.partial = true});
//
// Slots are stored under their paths, axes in the order they were declared in; the file's metadata keep each slot's
// type with its axis names ("type.h.0.attn.q.weight": "f32[model=64, head=4, depth=16]"), which `load` compares where
// it is there. Everything is checked before the first slot is written: a load that throws has changed nothing.
//
// A file and a digest are of one step: while a program runs on the state, all of these throw Error.
#pragma once

#include <uwaga/runtime/io/file_system.h>
#include <uwaga/runtime/state.h>

#include <string>
#include <vector>

namespace uwaga {

// Atomic (see runtime/io/file.h). Throws Error where a slot has no value yet, SystemError.
void save(const State& state, const std::string& path, const FileSystem& files = real_files());

struct LoadOptions {
  bool partial = false;  // what is only in the file, or only in the state, is reported instead of refused
  bool convert = false;  // a float tensor becomes the slot's float dtype, rounded, instead of being refused
};

struct LoadReport {
  std::vector<std::string> loaded;   // sorted, as are the others
  // Slots that the file does not have, but caches; they keep their values, and where they have none, state.initialise_missing
  // gives them one.
  std::vector<std::string> missing;
  std::vector<std::string> extra;    // tensors that the state does not have
};

// Throws Error for missing and extra names (unless partial), a dtype (unless converted), shape or axes that differ; SystemError.
LoadReport load(State& state, const std::string& path, const LoadOptions& options = {});

// SHA-256 over name, type and bytes of the slots, sorted by name: all of them, or the trainable ones alone.
std::string state_sha256(const State& state);
std::string weights_sha256(const State& state);

// Bytes of all slots.
std::int64_t state_bytes(const State& state);

}  // namespace uwaga

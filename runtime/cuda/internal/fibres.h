// The threads of a block as fibres: many stacks, one operating-system thread, switched at barriers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace uwaga::cuda {

// As the preamble of the generated source declares it.
struct Place {
  std::int64_t block = 0, thread = 0;
  std::uint8_t* shared = nullptr;
  void (*wait)(Place*, int) = nullptr;
};

// A sequence of numbers, the same on every machine.
struct Shuffle {
  std::uint64_t state;
  std::uint64_t next();
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n)); }
};

class Fibres {
 public:
  Fibres(int threads, std::uint8_t* shared);
  ~Fibres();
  Fibres(const Fibres&) = delete;
  Fibres& operator=(const Fibres&) = delete;

  // Runs `body` once a thread, between barriers in an order drawn from `order`. Gives a sentence if the threads do not agree
  // on their barriers, else nothing.
  std::string run(std::int64_t block, const std::function<void(Place*)>& body, Shuffle& order);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace uwaga::cuda

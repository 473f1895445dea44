#include "tests/errors/mistake.h"
#include "tests/errors/programs.h"

MISTAKE("a token id that the vocabulary lacks",
        "token_out_of_range.cpp:10: gather over 'vocab': index 100 is outside vocab=100") {
  Graph g;
  const Axis vocab{"vocab", 100}, model{"model", 8};
  const Tensor tokens = g.input("tokens", i32, {"time"});
  const Scope s = g.scope() / "gpt";
  embedding(s.param("embed", {vocab, model}, zeros()), tokens, vocab).watch("x");
  run_once(g, {{"tokens", array({{"time", 3}}, std::vector<std::int32_t>{7, 100, 5})}});
}

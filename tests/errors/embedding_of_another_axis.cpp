#include "tests/errors/mistake.h"

MISTAKE("an embedding by an axis that its table lacks",
        "embedding_of_another_axis.cpp:8: embedding over 'words': its table has only {word, model}") {
  Graph g;
  const Tensor table = g.input("table", f32, {{"word", 100}, {"model", 8}});
  const Tensor ids = g.input("ids", i32, {"time"});
  embedding(table, ids, "words");
}

#include "tests/errors/mistake.h"

MISTAKE("document numbers without an axis of the queries",
        "documents_without_queries.cpp:9: attention: same_document: the ids are i32[place] and should have "
        "one of the axes 'time' and 'key': that of the queries") {
  Graph g;
  const Axis depth("depth", 4);
  const Tensor q = g.input("q", f32, {"time", depth}), k = g.input("k", f32, {"key", depth});
  attention(q, k, k, {.mask = same_document(g.input("ids", i32, {"place"}))});
}

#include "tests/errors/mistake.h"

MISTAKE("more of the largest than there are",
        "top_k_of_too_few.cpp:7: top_k over 'expert': k is 9 and expert is 8") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", {"expert", 8}});
  top_k(x, "expert", 9, "chosen");
}

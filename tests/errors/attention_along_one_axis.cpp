#include "tests/errors/mistake.h"

MISTAKE("attention whose keys are said to be along the queries' axis",
        "attention_along_one_axis.cpp:9: attention: queries and keys are both along 'time'; the keys want a name of their own: "
        "rename(k, time, key), the same for v, .key = key") {
  Graph g;
  const Axis time("time"), depth("depth", 8);
  const Tensor x = g.input("x", f32, {"batch", time, depth});
  attention(x, x, x, {.query = time, .key = time, .depth = depth});
}

#include "tests/errors/mistake.h"

MISTAKE("a split of an axis of any size",
        "split_of_any_size.cpp:6: split of 'time': time is not divisible by 4; an input's axis that is may be declared as Axis(\"time\", 4 * Extent::symbol(\"n\"))") {
  Graph g;
  split(g.input("x", f32, {"time"}), "time", {{"chunk"}, {"in", 4}});
}

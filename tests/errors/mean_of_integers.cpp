#include "tests/errors/mistake.h"

MISTAKE("a mean of integers",
        "mean_of_integers.cpp:6: mean of i32, whose quotient would be cut off; cast it first") {
  Graph g;
  mean(g.input("x", i32, {"row"}), {"row"});
}

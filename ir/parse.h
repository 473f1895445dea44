// Reads the text form of graphs (print.h).
//
//   Graph g = parse(text);
//   same_structure(parse(print(g)), g);     // always
//   print(parse(print(g))) == print(g);     // always
//
// The text may come from a stranger: anything that is not a well-typed graph is an Error with the line ("text:12: ..."),
// never a crash, and neither time nor memory grow faster than the text, up to stated limits (functions 64 deep, 2^24
// nodes with every call written out).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <uwaga/ir/composite.h>

namespace uwaga {

struct ParseOptions {
  // What errors call the text, and the file that a node's provenance names where the text tells none.
  std::string file = "text";
  // The composite of a name and version; none given or null returned makes one that has only a name and a version.
  std::function<CompositeRef(const std::string& name, int version)> composite;
};

Graph parse(std::string_view text, const ParseOptions& options = {});

}  // namespace uwaga

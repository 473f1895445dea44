// One HTML file that shows a model's source beside the kernels made of it: nothing is loaded, from anywhere.
//
//   write_html("report.html", {"gpt2, 4 layers of 128, training", graph, {{"batch", 12}, {"time", 64}}});
//
// On the left the lines of the model's files, with their FLOPs; on the right the kernels, each as kernel IR, LLVM IR, assembly or
// CUDA; a click on either side shows the other. On top: parameters, FLOPs and bytes by scope, and why values are stored.
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>

#include <string>

namespace uwaga {

struct HtmlReport {
  std::string title;
  Graph graph;
  Sizes sizes;
  int depth = 2;  // of the scopes in the summary
};

// The page. Throws what Inspection throws.
std::string html(const HtmlReport& report);
// The same into a file. Throws SystemError where it cannot be written.
void write_html(const std::string& file, const HtmlReport& report);

}  // namespace uwaga

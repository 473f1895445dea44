#include "tools/inspect_html.h"

#include <fmt/format.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/host/progress.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/io/file.h>

#include <filesystem>
#include <map>

#include "tools/cost.h"
#include "tools/model_sources.h"

namespace uwaga {
namespace {

constexpr const char* kStyle = R"(
:root{--line:#ddd;--dim:#777;--mark:#fff3c4;--accent:#1c6ea4}
*{box-sizing:border-box}body{margin:0;font:14px/1.45 system-ui,sans-serif;color:#222;background:#fafafa}
header{padding:14px 20px;background:#fff;border-bottom:1px solid var(--line)}h1{font-size:18px;margin:0 0 6px}
h2{font-size:15px;margin:16px 0 6px}h3{font:600 13px ui-monospace,monospace;margin:14px 0 4px}
main{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);height:86vh}
main>section{overflow:auto;padding:0 16px 40px;border-right:1px solid var(--line);background:#fff}
table{border-collapse:collapse;font-size:13px}td,th{padding:1px 14px 1px 0;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}details>summary{cursor:pointer;color:var(--accent)}
.scroll{max-height:40vh;overflow:auto}pre{font:12px/1.5 ui-monospace,monospace;margin:0;overflow-x:auto}
.s{display:grid;grid-template-columns:4ch 9ch 1fr;gap:10px;white-space:pre;font:12px/1.5 ui-monospace,monospace}
.s b{font-weight:400;color:var(--dim);text-align:right}.s.k{cursor:pointer;background:#f3f8fc}.s.k:hover{background:#e3eff8}
pre span{display:block;cursor:pointer}pre span:hover{background:#eef5fa}.on{background:var(--mark)!important}
.tab{display:none}.tabs label{padding:2px 10px;border:1px solid var(--line);cursor:pointer;font-size:12px;background:#f6f6f6}
.tabs input{display:none}.tabs input:nth-of-type(1):checked~.t1,.tabs input:nth-of-type(2):checked~.t2,
.tabs input:nth-of-type(3):checked~.t3{display:block}.tabs input:checked+label{background:#fff;border-bottom-color:#fff;font-weight:600}
.dim{color:var(--dim)}.hide{display:none}button{font:inherit;font-size:12px}
@media(prefers-color-scheme:dark){:root{--line:#333;--dim:#999;--mark:#5b4a00;--accent:#7cc0ee}body,main>section,header{background:#181a1b;color:#ddd}
.s.k{background:#1f2a33}.s.k:hover,pre span:hover{background:#263743}.tabs label{background:#222}.tabs input:checked+label{background:#181a1b}}
)";

// A click on a source line leaves only the kernels made of it; a click on code shows its source line.
constexpr const char* kScript = R"(
const all=q=>[...document.querySelectorAll(q)];
const mark=id=>{all('.on').forEach(e=>e.classList.remove('on'));all('[data-l="'+id+'"]').forEach(e=>e.classList.add('on'))};
document.addEventListener('click',e=>{
  const source=e.target.closest('.s.k'),code=e.target.closest('pre span[data-l]');
  if(source){mark(source.dataset.l);all('.kernel').forEach(k=>k.classList.toggle('hide',!k.dataset.of.split(' ').includes(source.dataset.l)));
    document.getElementById('all').classList.remove('hide')}
  if(code){mark(code.dataset.l);const s=document.querySelector('.s[data-l="'+code.dataset.l+'"]');if(s)s.scrollIntoView({block:'center'})}
  if(e.target.id==='all'){mark('');all('.kernel').forEach(k=>k.classList.remove('hide'));e.target.classList.add('hide')}});
)";

// Names come from users: nothing of them is ever markup.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

class Page {
 public:
  explicit Page(const HtmlReport& r) : r_(r), host_(r.graph, Target::host(1)), gpu_(r.graph, Target::emulated()) {}

  std::string run() {
    for (const Inspection* seen : {&host_, &gpu_})
      for (const InspectedKernel& k : seen->kernels())
        for (const InspectedCall& call : k.calls)
          for (const InspectedOp& op : call.ops)
            for (const ModelLine& at : op.lines) ids_.try_emplace({at.file, at.line}, static_cast<int>(ids_.size()));
    add("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>uwaga: {}</title>", escaped(r_.title));
    out_ += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'\"><style>";
    out_ += kStyle;
    out_ += "</style>";
    head();
    out_ += "<main><section><h2>Model</h2><p class=\"dim\">FLOPs of a line at the sizes above, counted from the graph. Click a "
            "line to see the kernels made of it.</p>";
    source();
    out_ += "</section><section><button id=\"all\" class=\"hide\">show all kernels</button>";
    kernels("Kernels of the CPU", "cpu", host_, {{Stage::kernel, "kernel IR"}, {Stage::llvm, "LLVM IR"}, {Stage::assembly, "assembly"}});
    kernels("Kernels of the GPU", "gpu", gpu_, {{Stage::kernel, "kernel IR"}, {Stage::cuda, "CUDA"}});
    out_ += "</section></main><script>";
    out_ += kScript;
    out_ += "</script></html>\n";
    return std::move(out_);
  }

 private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void head() {
    add("<header><h1>{}</h1>", escaped(r_.title));
    std::string sizes;
    for (const auto& [axis, n] : r_.sizes) sizes += fmt::format("{}{} {}", sizes.empty() ? "" : ", ", axis, n);
    Cost total = cost_of(r_.graph, r_.sizes);
    add("<p>{:.0f} parameters, {}FLOPs a run at {}; {} kernels on the CPU, {} on the GPU</p>", total.parameters,
        format_count(total.flops), escaped(sizes), host_.kernels().size(), gpu_.kernels().size());
    out_ += "<details><summary>Parameters, FLOPs and bytes by scope</summary><div class=\"scroll\"><table><tr><th>scope<th "
            "class=\"n\">parameters<th class=\"n\">FLOPs<th class=\"n\">bytes</tr>";
    for (const auto& [scope, c] : costs_by_scope(r_.graph, r_.sizes, r_.depth))
      add("<tr><td>{}<td class=\"n\">{:.0f}<td class=\"n\">{}<td class=\"n\">{}</tr>", scope.empty() ? "(root)" : escaped(scope),
          c.parameters, format_count(c.flops), format_count(c.bytes));
    out_ += "</table></div></details><details><summary>Why values are stored</summary><div class=\"scroll\"><table>";
    for (const InspectedBoundary& b : host_.boundaries())
      add("<tr><td>{}<td>{} &rarr; {}<td>{}<td>{}<td class=\"dim\">{}</tr>", escaped(b.value), b.from, b.to, escaped(b.rule),
          escaped(b.numbers), escaped(b.origin));
    out_ += "</table></div></details>";
    for (const std::string& why : host_.refused_attention()) add("<p>Attention from its body: {}</p>", escaped(why));
    out_ += "</header>";
  }

  // The files that have kernels, whole where the command has their text, else the lines that are known.
  void source() {
    const auto costs = costs_by_line(r_.graph, r_.sizes);
    std::map<std::string, std::map<int, int>> files;
    for (const auto& [at, id] : ids_) files[at.first][at.second] = id;
    for (const auto& [file, lines] : files) {
      add("<h3>{}</h3>", escaped(std::filesystem::path(file).filename().string()));
      const auto row = [&](int number, std::string_view text) {
        const auto known = lines.find(number);
        const auto cost = costs.find({file, number});
        const std::string flops = cost == costs.end() || cost->second.flops == 0 ? "" : format_count(cost->second.flops);
        if (known == lines.end()) add("<div class=\"s\"><b>{}</b><b></b><span>{}</span></div>", number, escaped(text));
        else add("<div class=\"s k\" data-l=\"{}\"><b>{}</b><b>{}</b><span>{}</span></div>", known->second, number, flops, escaped(text));
      };
      const auto text = model_source(file);
      if (!text) {
        for (const auto& [number, id] : lines) row(number, "");
        continue;
      }
      int number = 0;
      for (std::size_t at = 0; at < text->size();) {
        const std::size_t end = std::min(text->find('\n', at), text->size());
        row(++number, text->substr(at, end - at));
        at = end + 1;
      }
    }
  }

  int id_of(const ModelLine& at) const { return ids_.at({at.file, at.line}); }

  void kernels(const char* title, const char* group, const Inspection& seen, const std::vector<std::pair<Stage, const char*>>& stages) {
    add("<h2>{}</h2>", title);
    for (std::size_t i = 0; i < seen.kernels().size(); ++i) {
      const InspectedKernel& k = seen.kernels()[i];
      std::string of, ops;
      std::map<int, bool> ids;
      for (const InspectedCall& call : k.calls)
        for (const InspectedOp& op : call.ops)
          for (const ModelLine& at : op.lines) ids[id_of(at)] = true;
      for (const auto& [id, _] : ids) of += (of.empty() ? "" : " ") + std::to_string(id);
      for (std::size_t op = 0; op < k.calls[0].nodes; ++op) ops += (ops.empty() ? "" : " ") + k.calls[0].ops[op].op;
      add("<details class=\"kernel\" data-of=\"{}\"><summary>{} <span class=\"dim\">{} call{}: {}</span></summary><div class=\"tabs\">", of,
          escaped(k.name), k.calls.size(), k.calls.size() == 1 ? "" : "s", escaped(ops));
      for (std::size_t t = 0; t < stages.size(); ++t)
        add("<input type=\"radio\" name=\"{0}{1}\" id=\"{0}{1}{2}\"{3}><label for=\"{0}{1}{2}\">{4}</label>", group, i, t,
            t == 0 ? " checked" : "", stages[t].second);
      for (std::size_t t = 0; t < stages.size(); ++t) {
        add("<div class=\"tab t{}\"><pre>", t + 1);
        listing(seen, k, stages[t].first, i);
        out_ += "</pre></div>";
      }
      out_ += "</div></details>";
    }
  }

  // Lines of one origin are one element: listings are long.
  void listing(const Inspection& seen, const InspectedKernel& k, Stage stage, std::size_t number) {
    const auto& ops = k.calls[0].ops;
    int open = -2;
    for (const InspectedLine& l : seen.listing(stage, number)) {
      const bool known = l.op >= 0 && static_cast<std::size_t>(l.op) < ops.size();
      if (const int op = known ? l.op : -1; op != open) {
        if (open != -2) out_ += "</span>";
        open = op;
        if (known)
          add("<span data-l=\"{}\" title=\"{}\">", id_of(ops[static_cast<std::size_t>(op)].lines[0]),
              escaped(ops[static_cast<std::size_t>(op)].brief + " " + ops[static_cast<std::size_t>(op)].op));
        else out_ += "<span>";
      }
      out_ += escaped(l.text) + "\n";
    }
    if (open != -2) out_ += "</span>";
  }

  const HtmlReport& r_;
  const Inspection host_, gpu_;
  std::map<std::pair<std::string, int>, int> ids_;  // of model lines
  std::string out_;
};

}  // namespace

std::string html(const HtmlReport& report) { return Page(report).run(); }

void write_html(const std::string& file, const HtmlReport& report) { write_file(file, html(report)); }

}  // namespace uwaga

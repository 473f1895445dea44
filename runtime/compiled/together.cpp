#include <uwaga/runtime/compiled/internal/together.h>

#include <algorithm>
#include <map>
#include <utility>

namespace uwaga {
namespace {

// Steps that a launch may be moved past, at most: what it writes is in memory for longer.
constexpr std::size_t kFarthest = 16;

struct Accesses {
  std::vector<int> reads, writes;  // storages
};

bool meet(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int s) { return std::find(b.begin(), b.end(), s) != b.end(); });
}
bool independent(const Accesses& a, const Accesses& b) {
  return !meet(a.writes, b.reads) && !meet(a.writes, b.writes) && !meet(a.reads, b.writes);
}

class Mover {
 public:
  Mover(const std::vector<Step>& steps, std::size_t first, std::size_t last, const std::vector<kernel::Kernel>& kernels)
      : steps_(steps), first_(first), last_(last), kernels_(kernels) {
    for (std::size_t i = first; i < last; ++i) accesses_.push_back(accesses(steps[i]));
  }

  std::vector<Step> run() {
    std::vector<bool> moved(last_ - first_, false);
    std::vector<Step> out;
    for (std::size_t i = first_; i < last_; ++i) {
      if (moved[i - first_]) continue;
      std::vector<std::size_t> group{i}, between;
      for (std::size_t j = i + 1; j < last_ && between.size() <= kFarthest; ++j) {
        if (moved[j - first_]) continue;
        if (!passable(j)) break;
        const bool joins = launches(i) && launches(j) && free_of(j, group) && free_of(j, between);
        (joins ? group : between).push_back(j);
      }
      in_order_of_kernels(group);
      for (std::size_t j : group) {
        moved[j - first_] = true;
        out.push_back(steps_[j]);
      }
      if (auto* launch = std::get_if<Launch>(&out[out.size() - group.size()])) launch->together = static_cast<int>(group.size());
    }
    return out;
  }

 private:
  Accesses accesses(const Step& step) const {
    Accesses a;
    if (const auto* l = std::get_if<Launch>(&step)) {
      const kernel::Kernel& k = kernels_[static_cast<std::size_t>(l->kernel)];
      for (std::size_t b = 0; b < l->buffers.size(); ++b) (k.buffers[b].written ? a.writes : a.reads).push_back(l->buffers[b]);
    } else if (const auto* c = std::get_if<Copy>(&step)) {
      a.reads.push_back(c->from);
      a.writes.push_back(c->to);
    }
    return a;
  }
  // Those of one kernel side by side: a thread then goes from one to the next where their operands lie so, as projections do.
  void in_order_of_kernels(std::vector<std::size_t>& group) const {
    if (!launches(group[0])) return;
    std::map<int, std::size_t> first;
    for (std::size_t i : group) first.emplace(std::get<Launch>(steps_[i]).kernel, i);
    const auto place = [&](std::size_t i) { return std::pair(first.at(std::get<Launch>(steps_[i]).kernel), i); };
    std::sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  }
  bool launches(std::size_t i) const { return std::holds_alternative<Launch>(steps_[i]); }
  bool passable(std::size_t i) const { return launches(i) || std::holds_alternative<Copy>(steps_[i]); }
  bool free_of(std::size_t j, const std::vector<std::size_t>& others) const {
    return std::all_of(others.begin(), others.end(), [&](std::size_t o) { return independent(accesses_[o - first_], accesses_[j - first_]); });
  }

  const std::vector<Step>& steps_;
  const std::size_t first_, last_;
  const std::vector<kernel::Kernel>& kernels_;
  std::vector<Accesses> accesses_;
};

}  // namespace

void bring_together(std::vector<Step>& steps, std::size_t first, std::size_t last, const std::vector<kernel::Kernel>& kernels) {
  std::vector<Step> moved = Mover(steps, first, last, kernels).run();
  std::move(moved.begin(), moved.end(), steps.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace uwaga

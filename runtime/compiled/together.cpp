#include <uwaga/runtime/compiled/internal/together.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace uwaga {
namespace {

// Steps that a launch may be moved past, at most: what it writes is in memory for longer.
constexpr std::size_t kFarthest = 16;

struct Accesses {
  std::vector<int> reads, writes;  // storages
};

// What some steps read and write. Another one may go in front of all of them where it neither touches what they write nor writes what
// they read.
class Touched {
 public:
  void add(const Accesses& a) {
    read_.insert(a.reads.begin(), a.reads.end());
    written_.insert(a.writes.begin(), a.writes.end());
  }
  bool leaves_free(const Accesses& a) const {
    return none_in(a.writes, read_) && none_in(a.writes, written_) && none_in(a.reads, written_);
  }

 private:
  static bool none_in(const std::vector<int>& storages, const std::unordered_set<int>& seen) {
    return std::none_of(storages.begin(), storages.end(), [&](int s) { return seen.contains(s); });
  }
  std::unordered_set<int> read_, written_;
};

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
      const std::vector<std::size_t> group = launches(i) ? group_of(i, moved) : std::vector<std::size_t>{i};
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
  // A launch and those that run with it. Those of one kernel lie side by side: a thread then goes from one to the next where their
  // operands lie so, as projections do.
  std::vector<std::size_t> group_of(std::size_t i, const std::vector<bool>& moved) const {
    std::vector<std::size_t> group{i};
    Touched touched;
    touched.add(accesses_[i - first_]);
    std::size_t between = 0;
    for (std::size_t j = i + 1; j < last_ && between <= kFarthest && passable(j); ++j) {
      if (moved[j - first_]) continue;
      if (launches(j) && touched.leaves_free(accesses_[j - first_])) group.push_back(j);
      else ++between;
      touched.add(accesses_[j - first_]);
    }
    std::map<int, std::size_t> first;
    for (std::size_t j : group) first.emplace(kernel_of(j), j);
    const auto place = [&](std::size_t j) { return std::pair(first.at(kernel_of(j)), j); };
    std::sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
    return group;
  }
  int kernel_of(std::size_t i) const { return std::get<Launch>(steps_[i]).kernel; }
  bool launches(std::size_t i) const { return std::holds_alternative<Launch>(steps_[i]); }
  bool passable(std::size_t i) const { return launches(i) || std::holds_alternative<Copy>(steps_[i]); }

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

#include <uwaga/runtime/cuda/internal/fibres.h>

#include <sys/mman.h>
#include <ucontext.h>

#include <vector>

#include <fmt/format.h>

#include <uwaga/ir/error.h>

namespace uwaga::cuda {
namespace {

constexpr std::size_t kStack = 256 << 10;  // address space; pages are taken when touched

enum class Standing : std::uint8_t { ready, waiting, finished };

}  // namespace

std::uint64_t Shuffle::next() {  // splitmix64: Steele, Lea, Flood, 2014
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

struct Fibres::State {
  struct Fibre {
    Place place;  // first: a Place* is a Fibre*
    State* owner = nullptr;
    ucontext_t context{};
    Standing standing = Standing::ready;
    int barrier = -1;
  };
  std::vector<Fibre> fibres;
  std::uint8_t* stacks = nullptr;
  std::size_t bytes = 0;
  ucontext_t main{};
  const std::function<void(Place*)>* body = nullptr;

  ~State() {
    if (stacks != nullptr) munmap(stacks, bytes);
  }

  static void wait(Place* place, int barrier) {
    auto* fibre = reinterpret_cast<Fibre*>(place);
    fibre->standing = Standing::waiting;
    fibre->barrier = barrier;
    swapcontext(&fibre->context, &fibre->owner->main);
  }
  // makecontext passes integers only: the pointer comes in two halves.
  static void start(unsigned high, unsigned low) {
    auto* fibre = reinterpret_cast<Fibre*>((static_cast<std::uintptr_t>(high) << 32) | low);
    (*fibre->owner->body)(&fibre->place);
    fibre->standing = Standing::finished;
    swapcontext(&fibre->context, &fibre->owner->main);
  }
};

Fibres::Fibres(int threads, std::uint8_t* shared) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.bytes = kStack * static_cast<std::size_t>(threads);
  void* stacks = mmap(nullptr, s.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stacks == MAP_FAILED) throw SystemError(fmt::format("no memory for the stacks of {} threads of an emulated block", threads));
  s.stacks = static_cast<std::uint8_t*>(stacks);
  s.fibres.resize(static_cast<std::size_t>(threads));
  for (std::size_t i = 0; i < s.fibres.size(); ++i) {
    s.fibres[i].owner = &s;
    s.fibres[i].place = {0, static_cast<std::int64_t>(i), shared, &State::wait};
  }
}

Fibres::~Fibres() = default;

std::string Fibres::run(std::int64_t block, const std::function<void(Place*)>& body, Shuffle& order) {
  State& s = *state_;
  s.body = &body;
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < s.fibres.size(); ++i) {
    State::Fibre& f = s.fibres[i];
    f.place.block = block;
    f.standing = Standing::ready;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = s.stacks + i * kStack;
    f.context.uc_stack.ss_size = kStack;
    f.context.uc_link = &s.main;
    const auto pointer = reinterpret_cast<std::uintptr_t>(&f);
    makecontext(&f.context, reinterpret_cast<void (*)()>(&State::start), 2, static_cast<unsigned>(pointer >> 32), static_cast<unsigned>(pointer));
    ready.push_back(i);
  }
  while (!ready.empty()) {
    for (std::size_t n = ready.size(); n > 0; --n) {
      std::swap(ready[n - 1], ready[static_cast<std::size_t>(order.below(static_cast<std::int64_t>(n)))]);
      swapcontext(&s.main, &s.fibres[ready[n - 1]].context);
    }
    // All have reached a barrier or their end.
    const State::Fibre& first = s.fibres[0];
    for (State::Fibre& f : s.fibres) {
      if (f.standing != first.standing) {
        const bool ended = first.standing == Standing::finished;
        const State::Fibre& waits = ended ? f : first;
        const State::Fibre& gone = ended ? first : f;
        return fmt::format("thread {} of block {} waits at barrier {} for ever: thread {} has ended", waits.place.thread, block, waits.barrier,
                           gone.place.thread);
      }
      if (f.standing == Standing::waiting && f.barrier != first.barrier)
        return fmt::format("threads 0 and {} of block {} wait at different barriers, {} and {}", f.place.thread, block, first.barrier, f.barrier);
    }
    if (first.standing == Standing::finished) break;
    for (State::Fibre& f : s.fibres) f.standing = Standing::ready;
  }
  return {};
}

}  // namespace uwaga::cuda
